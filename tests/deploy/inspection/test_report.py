"""The report: seven steps with their answers, the Reason in both languages, claims marked."""

import json
import re
import zlib
from dataclasses import replace
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.inspection.inputs import ShownCode
from deploy.inspection.judgement import JudgementBasis
from deploy.inspection.report import CodeReport, inspect, verdict
from tests.deploy.inspection.test_judgement import FOREIGN
from tests.support.city import City, asks
from tests.support.health import AT, hc1, health_text
from tests.support.keys import STRANGER
from tests.support.publisher import DAY, NOW
from tests.verifier.codes.test_health_documents import KEY, link, signed
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Step
from verifier.decision import STEPS
from verifier.encoding import base45
from verifier.policy.profiles import check_profile, resolve

CITY: Final = City()
PLACE: Final = resolve(check_profile(asks()), 1)


def report(city: City, text: str | None = None) -> CodeReport:
    """Inspect a city's code at the place."""
    shown = ShownCode(name="it", text=city.text() if text is None else text)
    return inspect(shown, JudgementBasis(known=city.known(), profile=PLACE, at=city.now))


def test_a_pass() -> None:
    """Every step is answered, and the claims are what was signed."""
    found = report(CITY)
    assert [(step.number, step.step, step.answer) for step in found.steps] == [
        (number, step, "ok") for number, step in enumerate(STEPS, 1)
    ]
    assert all(step.details for step in found.steps if step.step is not Step.DECODE)
    assert (found.verified, verdict(found)) == (True, "pass")


@pytest.mark.parametrize(
    ("city", "reason", "verified"),
    [
        (replace(CITY, issuer_key=STRANGER), Reason.TRUST_UNKNOWN_KEY, False),
        (replace(CITY, shown_by=STRANGER), Reason.PROOF_BAD, False),
        (replace(CITY, shown_at=NOW - 300), Reason.PROOF_STALE, True),
        (replace(CITY, expires=NOW - DAY, issued_at=NOW - 2 * DAY), Reason.TIME_EXPIRED, True),
        (replace(CITY, revoked=frozenset({501})), Reason.STATUS_REVOKED, True),
        (replace(CITY, audience="place:elsewhere"), Reason.PROOF_AUDIENCE, True),
    ],
)
def test_a_refusal(city: City, reason: Reason, verified: bool) -> None:  # noqa: FBT001 - a table
    """The step that refused says why, in both languages; what comes after was not reached."""
    found = report(city)
    row = REASONS[reason]
    at = STEPS.index(row.step)
    assert found.steps[at].answer == "refused"
    assert {reason.value, row.zh, row.en} <= set(found.steps[at].details)
    assert {step.answer for step in found.steps[at + 1 :]} <= {"not reached"}
    assert all(step.details == () for step in found.steps[at + 1 :])
    assert found.verified is verified
    assert found.anatomy.claims  # shown, and marked, also while nothing is verified


def test_the_document_is_json() -> None:
    """Everything the screen shows, and its hex whole."""
    found = msgspec.json.decode(msgspec.json.encode(report(CITY).document()))
    assert found["verified"] is True
    assert [step["answer"] for step in found["steps"]] == ["ok"] * 7
    assert bytes.fromhex(found["parts"][0]["hex"])
    assert {claim["label"] for claim in found["claims"]} >= {"1", "4", "6", "8", "-70001"}


@pytest.mark.parametrize(
    "reason", [Reason.PICTURE_NONE, Reason.PICTURE_SEVERAL, Reason.CODE_MALFORMED]
)
def test_what_has_no_text(reason: Reason) -> None:
    """It is said at its step."""
    shown = ShownCode(name="it", text=None, reason=reason)
    found = inspect(shown, JudgementBasis(known=CITY.known(), at=NOW))
    assert found.steps[STEPS.index(REASONS[reason].step)].answer == "refused"
    assert verdict(found) == f"deny {reason.value}"


@given(st.text(max_size=60), st.integers(0, 500), st.sampled_from(["", "CC1:", "HC1:", "shc:/"]))
def test_nothing_raises(noise: str, at: int, prefix: str) -> None:
    """On garbage, and on a code with garbage in it."""
    text = CITY.text()
    report(CITY, prefix + noise)
    report(CITY, text[:at] + noise[:2] + text[at:])


def shown(text: str) -> str:
    """Return all that is shown of a text."""
    found = inspect(ShownCode(name="it", text=text), JudgementBasis(known=FOREIGN, at=AT))
    return json.dumps(msgspec.to_builtins(found.document()))


def plain(document: str) -> bytes:
    """Return all bytes that the hex in a document stands for, inflated too."""
    parts = [bytes.fromhex(part) for part in re.findall(r'"((?:[0-9a-f]{2})+)"', document)]
    found = b"".join(parts)
    for part in parts:
        try:
            found += zlib.decompress(part)
        except zlib.error:
            continue
    return found


@pytest.mark.parametrize("scheme", ["vhlink:/", "shlink:/"])
@pytest.mark.parametrize("genuine", [True, False])
def test_no_part_of_a_link_is_shown(scheme: str, *, genuine: bool) -> None:
    """Neither as text nor as hex, whether the signature holds or not."""
    address = link(scheme)
    text = signed(5, address)
    if not genuine:
        data = bytearray(zlib.decompress(base45.decode(text[4:])))
        data[-1] ^= 1
        text = hc1(zlib.compress(bytes(data)))
    document = shown(text)
    secret = address.removeprefix(scheme)
    assert secret not in document
    assert KEY not in document
    assert secret.encode() not in plain(document)


def test_other_codes_are_shown_whole() -> None:
    """A certificate's parts stand there in hex."""
    assert b"URN:UVCI" in plain(shown(health_text()))

"""The steps of assess() in their order: every Reason they give, and what the stance does."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.city import PROFILE, City, asks
from tests.support.foreign import taking
from tests.support.judgements import BY_TEXT, GOOD, REFUSED, UNSURE
from tests.support.keys import PHONE_ED, STRANGER
from tests.support.publisher import DAY, NOW
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Outcome, Step
from verifier.decision import STEPS


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_passes(name: str) -> None:
    """Each is right to the last second; all seven steps answer OK."""
    found = GOOD[name].judge()
    assert (found.outcome, found.reason, found.steps) == (Outcome.PASS, None, "o" * len(STEPS))
    assert found.step is Step.PROFILE


@pytest.mark.parametrize("name", REFUSED)
def test_one_wrong_thing_refuses(name: str) -> None:
    """Each is wrong in one thing, and the Reason names it; the step is that of the table."""
    reason, city = REFUSED[name]
    found = city.judge()
    assert (found.outcome, found.reason) == (Outcome.DENY, reason)
    assert found.step is REASONS[reason].step


def test_every_reason_of_the_steps_is_reached() -> None:
    """No Reason of steps 1 to 7 stands in the table without a test that reaches it."""
    elsewhere = {
        Reason.PICTURE_NONE,  # the barcode reader's
        Reason.PICTURE_SEVERAL,  # the terminal's
        Reason.PICTURE_PART,
        Reason.CODE_UNSUPPORTED_ALG,  # tests/verifier/codes/test_city.py
        Reason.SIGNATURE_BAD,  # below
        Reason.RULE_FAILED,  # of foreign documents
        *(Reason.PLACE_DOCUMENT, Reason.PLACE_LINK),
    }
    reached = {reason for reason, _ in (*REFUSED.values(), *BY_TEXT.values())}
    of_the_steps = {reason for reason, row in REASONS.items() if row.step is not Step.USE}
    assert of_the_steps - reached == elsewhere


def test_the_first_step_that_refuses_gives_the_reason() -> None:
    """Everything is wrong at once; repaired step by step, the Reasons come in order."""
    wrong = City(
        issuer_key=STRANGER,
        shown_by=PHONE_ED,
        expires=NOW - 1,
        revoked=frozenset({501}),
        profile=taking(PROFILE, "HC1"),
    )
    repairs: tuple[Mapping[str, Any], ...] = (
        {},
        {"issuer_key": City().issuer_key},
        {"shown_by": None},
        {"expires": NOW + DAY},
        {"revoked": frozenset()},
        {"profile": asks()},
    )
    found = []
    for repair in repairs:
        wrong = wrong.at(**repair)
        found.append(wrong.judge().reason)
    assert found == [
        Reason.TRUST_UNKNOWN_KEY,
        Reason.PROOF_BAD,
        Reason.TIME_EXPIRED,
        Reason.STATUS_REVOKED,
        Reason.PLACE_FORMAT,
        None,
    ]


@pytest.mark.parametrize("name", UNSURE)
def test_stance_when_unsure(name: str) -> None:
    """Closed refuses with the Reason; open passes and keeps it."""
    reason, city, steps = UNSURE[name]
    closed = city.judge()
    assert (closed.outcome, closed.reason) == (Outcome.DENY, reason)
    opened = city.at(profile=dict(city.profile or {}) | {"stance": "open"}).judge()
    assert (opened.outcome, opened.reason) == (Outcome.PASS, None)
    assert (opened.unsure, opened.steps) == (reason, steps)


def test_open_stance_still_refuses_what_is_known_to_be_wrong() -> None:
    """A stale bundle does not open the gate for a revoked code; the first doubt is kept."""
    city = City(trust_exp=NOW - 1, status_at=NOW - 601, profile=asks(stance="open"))
    assert city.judge().unsure is Reason.TRUST_STALE
    assert city.judge().steps == "oooouuo"
    assert city.at(revoked=frozenset({501})).judge().reason is Reason.STATUS_REVOKED
    assert city.at(size=501).judge().reason is Reason.STATUS_UNKNOWN


def test_without_a_profile_nothing_is_asked() -> None:
    """Conformance: status and profile are SKIPPED, never taken for OK, and never a review."""
    found = City(profile={}, revoked=frozenset({501}), grant=None).judge()
    assert (found.outcome, found.steps) == (Outcome.PASS, "ooooo" + "ss")

"""The public EU certificates (dgc-testdata), each expectation but the schema's, whole chain."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.public_vectors import FOLDER, agree, public_files, public_folder
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import find
from verifier.codes.hcert import MAX_COSE_BYTES, PREFIX
from verifier.codes.shown import Sight, opens
from verifier.conform.codes import conform_line
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.encoding import base45
from verifier.encoding.inflate import inflate

Answer = Mapping[str, Any]

BEFORE_THE_SIGNATURE: Final = {
    *(Reason.FORMAT_UNKNOWN, Reason.FORMAT_TOO_LONG, Reason.CODE_MALFORMED),
    *(Reason.CODE_UNSUPPORTED_ALG, Reason.TRUST_UNKNOWN_KEY, Reason.SIGNATURE_BAD),
    Reason.TRUST_KEY_EXPIRED,
}
TIMES: Final = {Reason.TIME_EXPIRED, Reason.TIME_NOT_YET}
P384: Final = "ES256 under a key on P-384; hcert-spec 3.3.2 allows P-256 only"
EXCEPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "VERIFY": dict.fromkeys(("ES/401", "ES/402", "ES/403"), P384),
    "EXPIRATIONCHECK": {
        "common/CO17": "the certificate had run out before the code had: trust.key_expired",
    },
    "PICTUREDECODE": {"common/B1": "the file carries no picture"},
}
NOT_ASKED: Final[Mapping[str, tuple[Reason, str]]] = {
    **dict.fromkeys(
        ("ES/1101", "ES/1102", "ES/1103", "ES/2101", "ES/2102", "ES/2103"),
        (Reason.TIME_NOT_YET, "issued days after the file's own clock"),
    ),
    "LU/INCERT_R_DCC_Recovery": (Reason.TIME_NOT_YET, "issued days after the file's own clock"),
    "LI/4": (Reason.TRUST_WRONG_USE, "a test under a certificate bound to vaccinations"),
    **dict.fromkeys(("ES/401", "ES/402", "ES/403"), (Reason.SIGNATURE_BAD, P384)),
}
"""Refused though no expectation of theirs says so, each with what refuses it."""


def pictures(png: bytes) -> Sight:
    """Read the symbols of a picture."""
    return find(read_picture(png), opens)


def ask(**members: Any) -> Answer:
    """Ask one line of the conformance protocol."""
    found: Answer = json.loads(conform_line(json.dumps({"id": 1, **members}).encode(), pictures))
    assert "error" not in found
    return found


def unpacks(text: str, step: Callable[[bytes], object]) -> bool:
    """Say whether base45, and then a step, take the text."""
    try:
        step(base45.decode(text[len(PREFIX) :]))
    except MalformedError:
        return False
    return True


def found_in(vector: Mapping[str, Any], name: str, answer: Answer) -> bool:
    """Say what we make of one expectation."""
    text, reason = vector["PREFIX"], answer["reason"]
    if name == "UNPREFIX":
        return answer["format"] == "HC1"
    if name == "B45DECODE":
        return unpacks(text, lambda _: None)
    if name == "COMPRESSION":
        return unpacks(text, lambda data: inflate(data, limit=MAX_COSE_BYTES))
    if name == "DECODE":
        return bool(reason != Reason.CODE_MALFORMED)
    if name == "PICTUREDECODE":
        png = vector.get("2DCODE", "")
        return bool(ask(png=png, at="2021-01-01T00:00:00Z", keys=[])["text"] == text)
    refusing = {"VERIFY": BEFORE_THE_SIGNATURE, "EXPIRATIONCHECK": TIMES}
    return reason not in refusing.get(name, {Reason.TRUST_WRONG_USE})


STEPS: Final = (
    *("PICTUREDECODE", "UNPREFIX", "B45DECODE", "COMPRESSION", "DECODE"),
    *("VERIFY", "EXPIRATIONCHECK", "KEYUSAGE"),
)


def name_of(path: Path) -> str:
    """Name a vector by country and file."""
    return str(path.relative_to(FOLDER / "dcc").with_suffix(""))


@pytest.mark.parametrize("path", public_files("dcc"), ids=name_of)
def test_every_expectation(path: Path) -> None:
    """Prefix, base45, zlib, CBOR, signature, times, key usage and picture of one vector."""
    vector = json.loads(path.read_bytes())
    context, expected = vector["TESTCTX"], vector["EXPECTEDRESULTS"]
    answer = ask(
        text=vector["PREFIX"],
        at=context["VALIDATIONCLOCK"],
        keys=[{"x5c": context["CERTIFICATE"]}],
    )
    name = name_of(path)
    for step in STEPS:
        wanted = expected.get(f"EXPECTED{step}")
        if wanted is not None:
            found = found_in(vector, step, answer)
            agree(f"dcc {step}", name, found, wanted, EXCEPTIONS.get(step, {}))
    if False not in expected.values():
        reason = None if name not in NOT_ASKED else NOT_ASKED[name][0]
        assert answer["reason"] == reason
        assert (answer["claims"] is None) == (
            reason in {Reason.SIGNATURE_BAD, Reason.TRUST_WRONG_USE}
        )


@pytest.mark.parametrize("path", public_files("dcc"), ids=name_of)
def test_the_claims_are_what_was_signed(path: Path) -> None:
    """Where the file says what its CBOR means and means the CBOR itself, we say the same."""
    vector = json.loads(path.read_bytes())
    context = vector["TESTCTX"]
    answer = ask(
        text=vector["PREFIX"],
        at=context["VALIDATIONCLOCK"],
        keys=[{"x5c": context["CERTIFICATE"]}],
    )
    if answer["claims"] is not None and vector.get("JSON"):
        agree("dcc JSON", name_of(path), answer["claims"]["hcert"], vector["JSON"])


@pytest.mark.parametrize("path", public_files("dcc")[::9], ids=name_of)
def test_a_key_that_is_not_among_ours(path: Path) -> None:
    """Without keys no vector passes, whatever it is."""
    vector = json.loads(path.read_bytes())
    answer = ask(text=vector["PREFIX"], at=vector["TESTCTX"]["VALIDATIONCLOCK"], keys=[])
    assert answer["outcome"] == "deny"
    assert answer["claims"] is None


def test_certificates_of_the_vectors_carry_base64() -> None:
    """The certificates are read as the files carry them."""
    for path in public_folder("dcc"):
        context = json.loads(path.read_bytes())["TESTCTX"]
        assert base64.b64decode(context["CERTIFICATE"], validate=True)

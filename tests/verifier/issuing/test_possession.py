"""What holders' keys sign for the issuer, with one thing wrong a test."""

import re
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.city import City
from tests.support.keys import ISSUER, PHONE, PHONE_ED, STRANGER
from tests.support.publisher import NOW
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, seal
from verifier.contract.holder import HolderDoor, HolderRequest, Purpose
from verifier.issuing.holder import ask, possess
from verifier.issuing.possession import (
    CLOCK_S,
    HolderCause,
    HolderRefused,
    ShownCredential,
    check_possession,
    open_credential,
    open_request,
)
from verifier.issuing.signing_key import SigningKey
from verifier.trust.keys import VerifyKey, load_spki

ROOT = Path(__file__).resolve().parents[3]
CHALLENGE = bytes(range(16))
CITY = City()
KEYS = {ISSUER.kid: load_spki(ISSUER.spki)[1]}


def public(key: SigningKey) -> VerifyKey:
    """Return the public half of a key."""
    return load_spki(key.spki)[1]


def cause_of_possession(data: bytes, key: SigningKey = PHONE, **asked: Any) -> HolderCause | None:
    """Return why a possession is refused."""
    wanted = {"issuer": "440100", "purpose": Purpose.PHONE, "challenge": CHALLENGE} | asked
    try:
        check_possession(data, public(key), **wanted)
    except HolderRefused as refused:
        return refused.cause
    return None


@pytest.mark.parametrize("key", [PHONE, PHONE_ED])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_key_is_at_hand(key: SigningKey, purpose: Purpose) -> None:
    """Of both kinds, for each purpose."""
    made = possess(key, issuer="440100", challenge=CHALLENGE, purpose=purpose)
    assert cause_of_possession(made, key, purpose=purpose) is None


@pytest.mark.parametrize(
    "asked", [{"issuer": "440300"}, {"purpose": Purpose.PROXY}, {"challenge": bytes(16)}]
)
def test_a_possession_is_for_one_thing(asked: dict[str, Any]) -> None:
    """Another city's, another purpose's or another challenge's is no answer."""
    made = possess(PHONE, issuer="440100", challenge=CHALLENGE)
    assert cause_of_possession(made, **asked) is HolderCause.OTHER


def test_another_key_possesses_nothing() -> None:
    """Its own signature holds, but not under the key that a credential is asked for."""
    made = possess(STRANGER, issuer="440100", challenge=CHALLENGE)
    assert cause_of_possession(made) is HolderCause.SIGNATURE


def test_a_signature_of_another_use_possesses_nothing() -> None:
    """A proof over a code is not one over a challenge."""
    said = encode({"iss": "440100", "purpose": "phone", "challenge": CHALLENGE})
    made = seal(SignedUse.PROOF, said, kid=PHONE.kid, algorithm=PHONE.algorithm, sign=PHONE.sign)
    assert cause_of_possession(made) is HolderCause.SIGNATURE


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "440100", "purpose": "phone"},
        {"iss": "440100", "purpose": "phone", "challenge": bytes(15)},
        {"iss": "440100", "purpose": "other", "challenge": CHALLENGE},
        {"iss": "440100", "purpose": "phone", "challenge": CHALLENGE, "more": 1},
        ["440100", "phone", CHALLENGE],
    ],
)
def test_what_is_no_possession_is_malformed(said: Any) -> None:
    """However well it is signed."""
    made = seal(
        SignedUse.HOLDER, encode(said), kid=PHONE.kid, algorithm=PHONE.algorithm, sign=PHONE.sign
    )
    assert cause_of_possession(made) is HolderCause.MALFORMED


def test_every_cut_and_every_bit_is_refused() -> None:
    """A possession holds whole or not at all."""
    made = possess(PHONE, issuer="440100", challenge=CHALLENGE)
    for end in range(len(made)):
        assert cause_of_possession(made[:end]) is not None
    for at in range(0, len(made) * 8, 5):
        flipped = bytearray(made)
        flipped[at // 8] ^= 1 << at % 8
        assert cause_of_possession(bytes(flipped)) is not None


def opened(city: City = CITY, **asked: Any) -> ShownCredential | HolderCause:
    """Return the claims of a credential, or why it is refused."""
    wanted: dict[str, Any] = {"issuer": "440100", "list_number": 1, "now": NOW} | asked
    try:
        return open_credential(city.credential(), KEYS, **wanted)
    except HolderRefused as refused:
        return refused.cause


def test_a_credential_of_ours_names_its_key() -> None:
    """The key that must have signed the request."""
    found = opened()
    assert not isinstance(found, HolderCause)
    assert found.key.kid == PHONE.kid
    assert found.confirmation == PHONE.confirmation


@pytest.mark.parametrize(
    ("city", "asked", "cause"),
    [
        (changed(CITY, issuer_key=STRANGER), {}, HolderCause.UNKNOWN),
        (changed(CITY, phone=None), {}, HolderCause.UNKNOWN),
        (CITY, {"issuer": "440300"}, HolderCause.UNKNOWN),
        (CITY, {"list_number": 2}, HolderCause.UNKNOWN),
        (CITY, {"now": NOW + 400 * 86_400}, HolderCause.EXPIRED),
    ],
)
def test_a_credential_that_opens_nothing(
    city: City, asked: dict[str, Any], cause: HolderCause
) -> None:
    """A stranger's, a paper one, another city's, another list's, an old one."""
    assert opened(city, **asked) is cause


def request(**changes: Any) -> HolderRequest:
    """Return what a phone asks for."""
    shown = opened()
    assert not isinstance(shown, HolderCause)
    made = HolderRequest(
        door=HolderDoor.LIST,
        iss="440100",
        list=1,
        credential=shown.claims.credential or 0,
        iat=NOW,
        nonce=CHALLENGE,
    )
    return msgspec.structs.replace(made, **changes)


def cause_of_request(asked: HolderRequest, key: SigningKey = PHONE) -> HolderCause | None:
    """Return why a request is refused."""
    found = opened()
    assert not isinstance(found, HolderCause)
    try:
        read = open_request(ask(asked, key), found, door=HolderDoor.LIST, now=NOW)
    except HolderRefused as refused:
        return refused.cause
    assert read == asked
    return None


def test_a_request_is_read() -> None:
    """As it was signed, within the clock's tolerance."""
    for off in (-CLOCK_S, 0, CLOCK_S):
        assert cause_of_request(request(iat=NOW + off)) is None


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"iat": NOW - CLOCK_S - 1}, HolderCause.CLOCK),
        ({"iat": NOW + CLOCK_S + 1}, HolderCause.CLOCK),
        ({"door": HolderDoor.RENEW}, HolderCause.OTHER),
        ({"iss": "440300"}, HolderCause.OTHER),
        ({"list": 2}, HolderCause.OTHER),
        ({"credential": 4_000_000_000}, HolderCause.OTHER),
        ({"nonce": bytes(15)}, HolderCause.MALFORMED),
        ({"hours": 13}, HolderCause.MALFORMED),
    ],
)
def test_a_request_is_for_one_thing(changes: dict[str, Any], cause: HolderCause) -> None:
    """Another time, door, city, list or credential, and what is out of its bounds."""
    assert cause_of_request(request(**changes)) is cause


def test_another_key_asks_for_nothing() -> None:
    """It is not the one that the credential is bound to."""
    assert cause_of_request(request(), STRANGER) is HolderCause.SIGNATURE


def test_the_examples_of_the_page_are_made_so() -> None:
    """Byte by byte, as docs/issuing.md shows them."""
    page = (ROOT / "docs/issuing.md").read_text(encoding="utf-8")
    shown = re.findall(r"(?:^    [0-9a-f]{20,64}\n)+", page, re.MULTILINE)
    listed = request(credential=4711, iat=1_790_000_000, nonce=bytes(range(16, 32)))
    made = [possess(PHONE, issuer="440100", challenge=CHALLENGE), ask(listed, PHONE)]
    assert [bytes.fromhex(block) for block in shown] == made

"""Steps (1) to (4): texts nobody made, forged signatures, cuts and flipped bits; the memory."""

import pytest
from msgspec import structs

from tests.support.city import City
from tests.support.faults import IN_CLAIMS, IN_PROOF, static_bytes
from tests.support.judgements import BY_TEXT, ON_A_PHONE
from tests.support.keys import STRANGER, other_half
from tests.support.publisher import NOW
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Outcome, Step
from verifier.decision import Assessment
from verifier.encoding import base45
from verifier.steps.verified import VerifiedCredentials


def reason_of(text: str) -> Reason | None:
    """Judge a text in an ordinary city."""
    return City().judge(text).reason


@pytest.mark.parametrize("name", BY_TEXT)
def test_texts_that_no_issuer_made(name: str) -> None:
    """No character is stripped, folded or repaired."""
    reason, text = BY_TEXT[name]
    assert reason_of(text) is reason


@pytest.mark.parametrize("name", IN_CLAIMS)
def test_faulty_issuers(name: str) -> None:
    """The signature holds and the claims break the grammar: malformed, on phone and paper."""
    found = City(edit_claims=IN_CLAIMS[name]).judge()
    assert found.reason is Reason.CODE_MALFORMED
    assert found.claims is None


@pytest.mark.parametrize("name", IN_PROOF)
def test_faulty_phones(name: str) -> None:
    """The phone signs, truly, a proof that breaks the grammar: malformed."""
    assert City(edit_proof=IN_PROOF[name]).judge().reason is Reason.CODE_MALFORMED


def test_a_signature_of_somebody_else_under_our_kid() -> None:
    """A forger writes the issuer's kid and signs with a key of his own."""
    forged = City(phone=None).credential()
    stranger = City(phone=None, issuer_key=STRANGER).credential()
    text = "CC1:" + base45.encode(b"\xd2" + forged[:-64] + stranger[-64:])
    assert reason_of(text) is Reason.SIGNATURE_BAD


def test_claims_stay_unknown_until_every_signature_holds() -> None:
    """Neither a bad credential nor a bad proof says who it is."""
    assert City(shown_by=STRANGER).judge().claims is None
    assert City(issuer_key=STRANGER).judge().claims is None
    assert City(expires=NOW).judge().claims is not None


def test_a_malleable_signature_changes_nothing_but_itself() -> None:
    """Signatures r, n - s for r, s, of issuer and phone: the same verdict about the same person."""
    plain = City().judge()
    static = static_bytes(City())
    turned = static[:-64] + other_half(static[-64:])
    shown = City().presentation()
    for text in (turned, shown[:-64] + other_half(shown[-64:])):
        found = City().judge("CC1:" + base45.encode(text))
        assert found.claims is not None
        assert plain.claims is not None
        assert (found.outcome, found.claims.person) == (Outcome.PASS, plain.claims.person)


def test_every_cut_of_a_text_is_refused() -> None:
    """A static and a live code, cut after every character."""
    for text in (City().text(), City(phone=None).text(), ON_A_PHONE.text()):
        for end in range(len(text)):
            assert reason_of(text[:end]) in (Reason.CODE_MALFORMED, Reason.FORMAT_UNKNOWN)


@pytest.mark.parametrize("name", ["live", "static", "group"])
def test_every_flipped_bit_is_refused_or_changes_nothing(name: str) -> None:
    """Each single bit of the bytes: a refusal, or the very same claims; never anything else."""
    city = {"live": City(), "static": City(phone=None), "group": ON_A_PHONE}[name]
    code = static_bytes(city) if city.phone is None else city.presentation()
    whole = city.judge()
    seen = VerifiedCredentials(4)
    for bit in range(len(code) * 8):
        flipped = bytearray(code)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        found = city.judge("CC1:" + base45.encode(bytes(flipped)), seen)
        if found.outcome is Outcome.PASS:
            assert _said(found) == _said(whole)
        else:
            assert found.reason is not None
            assert REASONS[found.reason].step in (Step.DECODE, Step.KEYS, Step.SIGNATURE)


def _said(found: Assessment) -> tuple[object, ...]:
    claims = found.claims
    assert claims is not None
    return (claims.person, claims.credential, claims.sectors, claims.group, claims.expires)


def test_a_credential_seen_before_is_judged_anew() -> None:
    """The memory spares a signature, nothing else: expiry, status and proof are looked at again."""
    seen = VerifiedCredentials(8)
    city = City()
    assert city.judge(seen=seen).outcome is Outcome.PASS
    assert len(seen) == 1
    assert city.at(shown_by=STRANGER).judge(seen=seen).reason is Reason.PROOF_BAD
    assert city.at(now=city.expires, shown_at=city.expires).judge(seen=seen).reason in (
        Reason.TIME_EXPIRED,
        Reason.TRUST_STALE,
    )


def test_a_key_that_was_removed_and_added_again() -> None:
    """What was seen under it counts in between no more, and again after it."""
    seen, city = VerifiedCredentials(8), City()
    for _ in range(2):
        assert city.judge(seen=seen).outcome is Outcome.PASS
        without = city.at(trusted=structs.replace(city.trusted, kid=bytes(8)))
        assert without.judge(seen=seen).reason is Reason.TRUST_UNKNOWN_KEY

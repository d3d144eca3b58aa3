"""The steps of assess(): every Reason they give, at the exact second where it is about seconds."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import structs

from tests.support.city import PERSON, City, asks
from tests.support.faults import IN_CLAIMS, IN_PROOF, static_bytes
from tests.support.judgements import BY_TEXT, GOOD, ON_A_PHONE, ON_PAPER, REFUSED, UNSURE
from tests.support.keys import PHONE_ED, STRANGER, other_half
from tests.support.publisher import DAY, NOW
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Colour, Outcome, Step
from verifier.decision import STEPS, Assessment
from verifier.encoding import base45
from verifier.steps.verified import VerifiedCredentials


def reason_of(text: str) -> Reason | None:
    """Judge a text in an ordinary city."""
    return City().judge(text).reason


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


def test_every_reason_of_the_steps_is_reached() -> None:
    """No Reason of steps 1 to 7 stands in the table without a test that reaches it."""
    elsewhere = {
        Reason.PICTURE_NONE,  # the barcode reader's
        Reason.PICTURE_SEVERAL,  # the terminal's
        Reason.CODE_UNSUPPORTED_ALG,  # tests/verifier/codes/test_city.py
        Reason.SIGNATURE_BAD,  # below
        Reason.RULE_FAILED,  # of foreign documents
    }
    reached = {reason for reason, _ in (*REFUSED.values(), *BY_TEXT.values())}
    of_the_steps = {reason for reason, row in REASONS.items() if row.step is not Step.USE}
    assert of_the_steps - reached == elsewhere


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


def test_the_first_step_that_refuses_gives_the_reason() -> None:
    """Everything is wrong at once; repaired step by step, the Reasons come in order."""
    wrong = City(
        issuer_key=STRANGER,
        shown_by=PHONE_ED,
        expires=NOW - 1,
        revoked=frozenset({501}),
        profile=asks(formats=["HC1"]),
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


def test_review_of_a_colour() -> None:
    """Yellow goes to a person where the place says so; what refuses later still refuses."""
    city = City(colours={77: Colour.YELLOW}, profile=asks(review_colours=["yellow"]))
    found = city.judge()
    assert (found.outcome, found.reason) == (Outcome.REVIEW, Reason.STATUS_YELLOW)
    assert city.at(sectors_enabled=()).judge().reason is Reason.SECTOR_DISABLED
    assert city.at(colours={77: Colour.RED}).judge().outcome is Outcome.DENY


def test_review_of_a_group() -> None:
    """All but number 2 may pass, and the roster's masked name says who that is."""
    found = ON_PAPER.at(
        colours={20: Colour.RED}, profile=asks(group={"exceptions": "review"})
    ).judge()
    assert (found.outcome, found.reason) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    assert found.group is not None
    assert found.group.counts.exceptions == ((2, "李*明"),)


def test_without_a_profile_nothing_is_asked() -> None:
    """Conformance: status and profile are SKIPPED, never taken for OK, and never a review."""
    found = City(profile={}, revoked=frozenset({501}), grant=None).judge()
    assert (found.outcome, found.steps) == (Outcome.PASS, "ooooo" + "ss")


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


def test_ages_and_versions_are_reported() -> None:
    """The record says as of when: the age of the oldest plane that was read, and the versions."""
    found = City().judge()
    assert (found.status_age, found.trust_version, found.status_version) == (30, 1, 1)
    assert found.profile_version == 1
    assert (found.colour, found.sector_class) == (Colour.GREEN, 0)


def test_the_subject_says_no_more_than_asked() -> None:
    """Only the class of the place's own sector leaves the assessment for the gate."""
    assert PERSON.sectors is not None
    found = City(profile=asks(sector="transit")).judge()
    assert found.sector_class == PERSON.sectors[2]

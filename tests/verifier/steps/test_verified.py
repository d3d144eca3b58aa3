"""The memory of verified credentials: by format and bytes, bounded, nameless, gone with trust."""

import gc
import itertools
import zlib
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.support.city import City, trusting
from tests.support.health import (
    CARDS,
    COUNTRY,
    card,
    card_text,
    digits,
    health_text,
    persons_card,
)
from tests.support.health import claims as health_claims
from tests.support.keys import ISSUER
from tests.support.publisher import EDITION, HOUR, NOW
from verifier.codes import hcert
from verifier.codes.formats import recognise
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Format, Outcome
from verifier.decision import Assessment
from verifier.encoding import base45
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.issuing.signing_key import SigningKey
from verifier.status.plane import NO_STATUS
from verifier.steps import verified
from verifier.steps.verified import VerifiedCredential, VerifiedCredentials
from verifier.trust.jwk import thumbprint_of
from verifier.trust.keys import KeyRing, TrustedKey, load_spki
from verifier.trust.signers import Trust

TEXTS: Final = {
    Format.CC1: City(phone=None).text(),
    Format.HC1: health_text(health_claims({4: NOW + HOUR, 6: NOW - HOUR}), tags=b""),
    Format.SHC: card_text(card({"nbf": NOW - HOUR})),
}


def key_for_all(key: SigningKey) -> tuple[TrustedKey, TrustedKey]:
    """Trust a key for every format, as a list of signers that says nothing of formats."""
    public, loaded = load_spki(key.spki)
    one = TrustedKey(
        kid=key.kid,
        key=loaded,
        uses=frozenset({"credential"}),
        not_before=0,
        not_after=NOW * 2,
        issuer=None,
        lists=None,
        sectors=None,
        formats=frozenset(Format),
    )
    return one, replace(one, kid=thumbprint_of(public))


ALL: Final = Trust(
    version=1,
    expires=NOW * 2,
    ring=KeyRing(tuple(k for key in (ISSUER, COUNTRY, CARDS) for k in key_for_all(key))),
    sectors_enabled=frozenset({1, 2, 3, 4}),
)


def judge(text: str, seen: VerifiedCredentials, now: float = NOW, trust: Trust = ALL) -> Assessment:
    """Judge a text where no place is asked and every key may sign every format."""
    known = Known(trust=trust, status=NO_STATUS)
    return assess(text, known=known, profile=UNASKED, grant=None, clock=Clock(now=now), seen=seen)


def framed(data: bytes, code_format: Format) -> str:
    """Put the bytes of a credential into a format's framing."""
    if code_format is Format.CC1:
        return "CC1:" + base45.encode(b"\xd2" + data)
    if code_format is Format.HC1:
        return "HC1:" + base45.encode(zlib.compress(data))
    return "shc:/" + digits(data.decode("latin-1"))


def identity_of(text: str) -> bytes:
    """Return the bytes by which a code is known."""
    row = recognise(text)
    assert row is not None
    identity: Any = row.decode(text).identity
    return identity.encode() if isinstance(identity, str) else bytes(identity)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(Format, 2)))
def test_the_bytes_of_one_format_in_the_framing_of_another(first: Format, second: Format) -> None:
    """What was verified as one format says nothing of the same bytes as another."""
    text = TEXTS[first]
    data = identity_of(text)
    again = framed(data, second)
    if second is not Format.SHC and first is not Format.SHC:
        assert identity_of(again) == data, "the attack is what it says"
    seen = VerifiedCredentials(8)
    assert judge(text, seen).outcome is Outcome.PASS
    unremembered = judge(again, VerifiedCredentials(8))
    assert unremembered.outcome is Outcome.DENY
    found = judge(again, seen)
    assert (found.outcome, found.reason) == (unremembered.outcome, unremembered.reason)


def test_the_key_s_use_and_format_are_asked_at_every_find() -> None:
    """Whatever stands in the memory, a key for another format or use opens nothing."""
    for changes in ({"formats": frozenset({"SHC"})}, {"uses": frozenset({"status"})}):
        seen = VerifiedCredentials(8)
        assert judge(TEXTS[Format.HC1], seen).outcome is Outcome.PASS
        code = hcert.decode(TEXTS[Format.HC1])
        key = replace(ALL.ring.find(COUNTRY.kid)[0], **changes)
        seen.remember(ALL, code, VerifiedCredential(key=key, claims=None), NOW)
        ring = KeyRing((key,))
        seen._trust = other = replace(ALL, ring=ring)
        assert judge(TEXTS[Format.HC1], seen, trust=other).reason is Reason.TRUST_WRONG_USE


def held_by(seen: VerifiedCredentials) -> str:
    """Write out everything that a memory leads to, keys of the trust bundle excepted."""
    told, todo, known = [], [seen._entries], set()
    while todo:
        one = todo.pop()
        if id(one) in known or isinstance(one, type | TrustedKey):
            continue
        known.add(id(one))
        if isinstance(one, str | bytes):
            told.append(one if isinstance(one, str) else one.decode("latin-1"))
        todo += gc.get_referents(one)
        if isinstance(one, VerifiedCredential) or type(one).__module__ == verified.__name__:
            todo += [getattr(one, name) for name in one.__struct_fields__]
    return " ".join(told)


@pytest.mark.parametrize("code_format", [Format.HC1, Format.SHC])
def test_no_name_and_no_diagnosis_is_remembered(code_format: Format) -> None:
    """Of a foreign document a digest and a key stay; who it was and of what is read anew."""
    text = {
        Format.HC1: TEXTS[Format.HC1],
        Format.SHC: card_text(persons_card("Dang")),
    }[code_format]
    seen = VerifiedCredentials(8)
    first, second = judge(text, seen), judge(text, seen)
    assert len(seen) == 1
    assert (first.outcome, second.outcome) == (Outcome.PASS, Outcome.PASS)
    assert first.claims == second.claims
    held = held_by(seen)
    for word in ("DANG", "Dang", "840539006", "1990", "Immunization", "URN:UVCI"):
        assert word not in held
    assert identity_of(text).decode("latin-1") not in held


def test_a_memory_is_bounded_by_bytes() -> None:
    """Large cards cannot fill it: each takes the same few bytes, and the oldest goes first."""
    seen = VerifiedCredentials(1000, 10 * verified.ENTRY_BYTES)
    texts = [card_text(persons_card(f"Family{n}")) for n in range(20)]
    for text in texts:
        assert judge(text, seen).outcome is Outcome.PASS
    assert len(seen) == 10
    assert seen.weight <= 10 * verified.ENTRY_BYTES
    phones = VerifiedCredentials(1000, 4 * verified.PHONE_BYTES)
    for person in range(6):
        issued = City(issued_at=NOW - HOUR + person)
        assert issued.judge(seen=phones).outcome is Outcome.PASS
        assert phones.weight <= 4 * verified.PHONE_BYTES
    assert len(phones) < 4


def test_a_memory_is_bounded_by_minutes() -> None:
    """Half an hour after the verify it is verified anew; what nobody asks for goes by a sweep."""
    seen, city = VerifiedCredentials(8), City(phone=None)
    code, known = recognise(city.text()), city.known()
    assert code is not None
    decoded = code.decode(city.text())
    assert city.judge(seen=seen).outcome is Outcome.PASS
    end = NOW + verified.REMEMBERED_S
    assert seen.find(known.trust, decoded, end - 1) is not None
    assert seen.find(known.trust, decoded, end) is None
    seen.sweep(end - 1)
    assert len(seen) == 1
    seen.sweep(end)
    assert (len(seen), seen.weight) == (0, 0)


def test_a_clock_that_was_ahead_keeps_nothing_for_ever() -> None:
    """What was verified in 2036 by a wrong clock is gone, and the right time is remembered."""
    seen, ahead = VerifiedCredentials(8), NOW + 3650 * 24 * HOUR
    code = hcert.decode(TEXTS[Format.HC1])
    one = VerifiedCredential(key=ALL.ring.find(COUNTRY.kid)[0], claims=None)
    seen.find(ALL, code, ahead)
    seen.remember(ALL, code, one, ahead)
    assert seen.find(ALL, code, NOW) is None
    seen.remember(ALL, code, one, NOW)
    assert seen.find(ALL, code, NOW) is one
    assert len(seen) == 1


def test_an_upload_of_long_ago_leaves_the_memory_as_it_is() -> None:
    """It is verified by itself; who is at the gate now stays remembered."""
    seen = VerifiedCredentials(8)
    assert judge(TEXTS[Format.HC1], seen).outcome is Outcome.PASS
    assert judge(TEXTS[Format.CC1], seen, NOW - HOUR + 1).outcome is Outcome.PASS
    assert len(seen) == 1
    assert seen.find(ALL, hcert.decode(TEXTS[Format.HC1]), NOW) is not None


def test_the_oldest_goes_first() -> None:
    """Never more than the limit, and a limit of zero remembers nothing."""
    texts = [card_text(persons_card(name)) for name in ("A", "B", "C")]
    seen, none = VerifiedCredentials(2), VerifiedCredentials(0)
    for text in texts:
        assert judge(text, seen).outcome is Outcome.PASS
        assert judge(text, none).outcome is Outcome.PASS
    codes = [row.decode(text) for text in texts if (row := recognise(text)) is not None]
    assert [seen.find(ALL, code, NOW) is not None for code in codes] == [False, True, True]
    assert (len(seen), len(none)) == (2, 0)


def test_all_of_it_is_dropped_when_trust_changes() -> None:
    """An equal bundle that was taken anew is another trust; so is one that lost a key."""
    seen, city = VerifiedCredentials(4), City()
    assert city.judge(seen=seen).outcome is Outcome.PASS
    row = recognise(city.text())
    assert row is not None
    code, other = row.decode(city.text()), replace(EDITION, version=2).trusted().trust
    one = seen.find(city.known().trust, code, NOW)
    assert one is not None
    assert seen.find(other, code, NOW) is None
    assert len(seen) == 0
    seen.remember(city.known().trust, code, one, NOW)
    assert len(seen) == 0, "what was verified under the old trust is not remembered any more"


def test_a_key_taken_out_of_trust_ends_a_remembered_credential() -> None:
    """Through the engine: seen and good, then the bundle no longer has the issuer."""
    seen = VerifiedCredentials(4)
    assert City().judge(seen=seen).outcome is Outcome.PASS
    withdrawn = City(trusted=EDITION.keys[1])
    assert withdrawn.judge(City().text(), seen).outcome is Outcome.DENY


def test_a_key_past_its_window_ends_a_remembered_credential() -> None:
    """The window of the key is looked at again at every scan."""
    seen = VerifiedCredentials(4)
    ending = City(trusted=trusting(exp=NOW))
    assert ending.judge(seen=seen).outcome is Outcome.PASS
    later = ending.at(now=NOW + 1)
    assert later.judge(seen=seen).reason is Reason.TRUST_KEY_EXPIRED

"""Edits of a trust source: what an import changes, and a key beside another, then alone."""

import base64
from dataclasses import replace
from typing import Final

import msgspec
import pytest

from tests.support.city import City
from tests.support.health import AT, CARDS, COUNTRY, ISSUER, health_text
from tests.support.health import claims as health_claims
from tests.support.health import protected as health_header
from tests.support.keys import ISSUER as OLD
from tests.support.keys import ISSUER_ED as NEW
from tests.support.keys import key
from tests.support.publisher import EDITION, ISSUER_ENTRY, NOW, OTHER_ENTRIES, YEAR
from tests.support.signers import (
    P384,
    VACCINATION,
    as_json,
    certificate,
    kid64,
    packed,
    pem,
    web_key,
)
from verifier.contract.bundle import MAX_KEYS, KeyEntry, TrustDocument
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.issuing.publisher import TrustSource, key_entry
from verifier.issuing.sources import (
    entry_kid,
    imported,
    offered_entry,
    with_key_beside,
    without_key,
)
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.bundle import TrustedSet
from verifier.trust.lists import Offer, offered_ring, read_signers
from verifier.trust.signers import Trust, open_trust

SOURCE: Final = TrustSource(
    keys=(ISSUER_ENTRY, *OTHER_ENTRIES), lists={1: "status:1"}, sectors_enabled=(1, 2)
)
UNTIL: Final = AT + 1000
UNKNOWN: Final = Reason.TRUST_UNKNOWN_KEY


def offer(data: bytes) -> Offer:
    """Return the one key that a list offers."""
    (found,) = read_signers(data, "a list").offers
    return found


def test_an_entry_of_a_certificate() -> None:
    """HC1 only, its window and uses, the certificate's kid."""
    der = certificate(uses=(VACCINATION,))
    entry = offered_entry(offer(der), issuer=None, until=UNTIL)
    assert (entry.formats, entry.issuer, entry.lists) == (("HC1",), None, ())
    assert entry.uses == ("credential", "vaccination")
    assert (entry.nbf, entry.exp) == (AT - 86_400, AT + 86_400)
    assert entry.spki == COUNTRY.spki
    assert entry_kid(entry) == entry.kid == offer(der).kid


def test_an_entry_of_a_health_card_issuer() -> None:
    """SHC only, bound to the issuer, to an end that was given; the kid is the key's own."""
    bare = offer(as_json({"keys": [web_key(CARDS)]}))
    entry = offered_entry(bare, issuer=ISSUER, until=UNTIL)
    assert (entry.formats, entry.issuer, entry.kid) == (("SHC",), ISSUER, None)
    assert (entry.nbf, entry.exp, entry_kid(entry)) == (0, UNTIL, CARDS.kid)


CERTIFIED: Final = {"keys": [web_key(CARDS, x5c=[packed(certificate(CARDS, address=ISSUER))])]}


@pytest.mark.parametrize(
    ("data", "issuer"),
    [
        (certificate(P384), None),
        (pem(COUNTRY.spki, "PUBLIC KEY"), None),
        (as_json({"keys": [web_key(CARDS)]}), None),
        (as_json({"keys": [web_key(CARDS)]}), "http://issuer.example"),
        (as_json({"keys": [web_key(CARDS)]}), ISSUER + "/"),
        (as_json({"keys": [web_key(CARDS, kid="another")]}), ISSUER),
        (as_json(CERTIFIED), "https://another.example"),
    ],
)
def test_what_may_not_be_imported(data: bytes, issuer: str | None) -> None:
    """Keys that no such code is signed with, and those that say too little or something else."""
    with pytest.raises(MalformedError):
        offered_entry(offer(data), issuer=issuer, until=UNTIL)


def test_an_import_names_what_changes() -> None:
    """Added, then already there, then changed, then removed; what it does not speak of stays."""
    one, two = (
        offered_entry(offer(certificate(key(name))), issuer=None, until=UNTIL) for name in "ab"
    )
    first = imported(SOURCE, [one], {entry_kid(one).hex(): "A"})
    assert (first.added, first.removed, first.changed, first.same) == ((one,), (), (), ())
    assert first.source.keys == (*SOURCE.keys, one)
    assert first.source.names == {entry_kid(one).hex(): "A"}
    again = imported(first.source, [one], {})
    assert again.empty
    assert (again.same, again.source) == ((one,), first.source)
    later = msgspec.structs.replace(one, exp=one.exp + 1)
    changed = imported(first.source, [later], {})
    assert [(c.before, c.after) for c in changed.changed] == [(one, later)]
    swapped = imported(first.source, [two], {}, replace=True)
    assert (swapped.added, swapped.removed) == ((two,), (one,))
    assert swapped.source.keys == (*SOURCE.keys, two)
    assert swapped.source.names == {}
    assert imported(first.source, [two], {}).removed == ()


def test_no_more_keys_than_a_bundle_holds() -> None:
    """The whole import is refused."""
    entry = offered_entry(offer(certificate()), issuer=None, until=UNTIL)
    many = [
        msgspec.structs.replace(entry, kid=number.to_bytes(8, "big")) for number in range(MAX_KEYS)
    ]
    with pytest.raises(MalformedError):
        imported(SOURCE, many, {})


def follower(name: str = "the next issuer") -> tuple[TrustSource, bytes]:
    """Return the source with another key beside the issuer's, and that key."""
    new = key(name)
    entry = key_entry(
        new.spki, algorithm=new.algorithm, uses=(), not_before=NOW - 300, expires=NOW + YEAR
    )
    return with_key_beside(SOURCE, OLD.spki, entry), new.spki


def test_a_key_beside_another() -> None:
    """The same uses, lists, sectors and issuer; a window of its own; once only."""
    both, spki = follower()
    old, new = (next(e for e in both.keys if e.spki == s) for s in (OLD.spki, spki))
    assert (new.uses, new.lists, new.sectors, new.issuer) == (
        old.uses,
        old.lists,
        old.sectors,
        old.issuer,
    )
    assert (new.nbf, new.exp) == (NOW - 300, NOW + YEAR)
    assert with_key_beside(both, OLD.spki, new) is both
    assert without_key(both, spki).keys == SOURCE.keys
    with pytest.raises(MalformedError):
        with_key_beside(SOURCE, key("a stranger").spki, new)


def reason(text: str, trust: Trust, now: float = NOW) -> Reason | None:
    """Judge a code under a trust, with nothing else asked."""
    return assess(
        text,
        known=Known(trust=trust, status=NO_STATUS),
        profile=UNASKED,
        grant=None,
        clock=Clock(now=now),
        seen=VerifiedCredentials(0),
    ).reason


@pytest.mark.parametrize(
    ("country", "iss", "wanted"),
    [
        ("AT", "AT", None),
        ("AT", "DE", Reason.TRUST_WRONG_ISSUER),
        ("AT", None, Reason.TRUST_WRONG_ISSUER),
        ("AT", "at", Reason.TRUST_WRONG_ISSUER),
        ("EL", "GR", None),
        ("GR", "EL", None),
        ("GR", "AT", Reason.TRUST_WRONG_ISSUER),
        (None, "DE", None),
    ],
)
def test_a_country_s_signer_signs_for_that_country(
    country: str | None, iss: str | None, wanted: Reason | None
) -> None:
    """Where the list says whose it is; a stolen key of one country makes none of another's."""
    der = certificate()
    row = {"kid": kid64(der), "certificateType": "DSC", "rawData": packed(der), "country": country}
    offered = offer(as_json([row]))
    entry = offered_entry(offered, issuer=None, until=UNTIL)
    kid = base64.b64decode(kid64(der))
    text = health_text(health_claims({1: iss, 4: AT + 60, 6: AT - 60}), header=health_header(kid))
    rings = (open_trust(trust_document(entry)).ring, offered_ring([offered])[0])
    for ring in rings:
        trust = Trust(version=1, expires=AT * 2, ring=ring, sectors_enabled=frozenset())
        assert reason(text, trust, AT) is wanted


def trust_document(entry: KeyEntry) -> TrustDocument:
    """Return a trust bundle's document of one key."""
    source = TrustSource(keys=(entry,), lists={}, sectors_enabled=())
    return source.document(version=1, issued_at=0, expires=AT * 2)


def test_an_issuer_key_is_rotated() -> None:
    """Codes of the old key pass in the overlap, not after it; those of the new from the start."""
    entry = key_entry(
        NEW.spki, algorithm=NEW.algorithm, uses=(), not_before=NOW - 300, expires=NOW + YEAR
    )
    both = with_key_beside(SOURCE, OLD.spki, entry)
    alone = without_key(both, OLD.spki)
    old, new = City().text(), City(issuer_key=NEW).text()
    trusted = TrustedSet(EDITION.root())
    editions = (
        (SOURCE.keys, (None, UNKNOWN)),
        (both.keys, (None, None)),
        (alone.keys, (UNKNOWN, None)),
    )
    for version, (keys, reasons) in enumerate(editions, 1):
        trust = trusted.take_trust(replace(EDITION, version=version, keys=keys).trust(), NOW).value
        assert (reason(old, trust), reason(new, trust)) == reasons

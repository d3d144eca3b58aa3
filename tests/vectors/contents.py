"""The cases of what bundles hold: kids that keys share, revoked cards, a place's appointments."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.support.city import asks
from tests.support.health import thumbprint
from tests.support.keys import ROSTER, STATUS, key
from tests.support.publisher import EDITION, NOW, entry
from verifier.contract.bundle import Appointment, KeyEntry

Named = tuple[str, bytes]
Case = tuple[str, str | None, tuple[Named, ...]]
SECOND: Final = replace(EDITION, version=2)
CARDS: Final = {thumbprint(): ["vwAjHdarZuc.1687450765", "FKDIxsTCGlU"]}
EARLY: Final = Appointment(list=1, person=77, begins=NOW, ends=NOW + 900)
LATE: Final = Appointment(list=1, person=77, begins=NOW + 900, ends=NOW + 1800)
OTHER: Final = Appointment(list=1, person=78, begins=NOW, ends=NOW + 900)
NEVER: Final = Appointment(list=1, person=79, begins=NOW, ends=NOW)


def content_cases() -> Iterator[Case]:
    """Yield why, what the last is refused for, and what is taken after root and trust."""
    yield from _shared_kids()
    yield from _numbers()
    yield from _profiles()
    yield from _cards()
    yield from _appointments()


def _shared_kids() -> Iterator[Case]:
    yield "eight keys of a kid", None, (_trust(*map(_signer, range(8))),)
    yield "nine keys of a kid", "malformed", (_trust(*map(_signer, range(9))),)
    yield "a key of a kid for nine issuers", None, (_trust(*map(_issuer, range(9))),)


def _trust(*more: KeyEntry) -> Named:
    return "trust", replace(SECOND, keys=(*EDITION.keys, *more)).trust()


def _signer(number: int) -> KeyEntry:
    """Trust one of several keys under one kid."""
    named = key(f"signer {number}")
    return entry(named, "credential", kid=b"the kid!", formats=("HC1",))


def _issuer(number: int) -> KeyEntry:
    """Trust one key for one of several issuers, with a time of issuing of its own."""
    return entry(
        key("signer"),
        "credential",
        kid=bytes(32),
        issuer=f"https://issuer-{number}.example",
        formats=("SHC",),
        issuing=(NOW - number, NOW),
    )


def _numbers() -> Iterator[Case]:
    """Numbers of lists have 32 bits, numbers of sectors no sign."""
    lists = dict(EDITION.lists)
    most, past = lists | {2**32 - 1: "status:last"}, lists | {2**32: "status:past"}
    yield "the last number of a list", None, (("trust", replace(SECOND, lists=most).trust()),)
    yield "a list past 32 bits", "malformed", (("trust", replace(SECOND, lists=past).trust()),)
    below = replace(SECOND, sectors_enabled=(1, -1)).trust()
    yield "a sector below zero", "malformed", (("trust", below),)


def _profiles() -> Iterator[Case]:
    """Rules and value sets may be absent, as where nothing foreign is taken; null is neither."""
    yield "profiles without rules and value sets", None, (("profiles", EDITION.profiles(asks())),)
    given = replace(EDITION, extra={"rules": [], "value_sets": {}}).profiles(asks())
    yield "profiles with no rules and no value sets", None, (("profiles", given),)
    for name in ("rules", "value_sets"):
        wrong = replace(EDITION, extra={name: None}).profiles(asks())
        words = name.replace("_", " ")
        yield f"profiles with {words} null", "malformed", (("profiles", wrong),)


def _cards() -> Iterator[Case]:
    first = ("cards", EDITION.cards(CARDS))
    yield "revoked cards", None, (first,)
    yield "older revoked cards", "rollback", (("cards", SECOND.cards(CARDS)), first)
    signed = replace(EDITION, signer=STATUS).cards(CARDS)
    yield "revoked cards signed by the status key", "unknown_key", (("cards", signed),)
    wrong = EDITION.cards({thumbprint(): ["vwAjHdarZuc", "a.b.c"]})
    yield "a revoked card that is none", "malformed", (("cards", wrong),)


def _appointments() -> Iterator[Case]:
    first = ("appointments", EDITION.appointments(EARLY, LATE, OTHER))
    none = ("appointments", SECOND.appointments())
    yield "appointments", None, (first,)
    yield "a place without appointments", None, (first, none)
    yield "older appointments", "rollback", (none, first)
    signed = replace(EDITION, signer=ROSTER).appointments(EARLY)
    yield "appointments signed by the roster key", "unknown_key", (("appointments", signed),)
    late = replace(EDITION, exp=NOW - 1).appointments(EARLY)
    yield "appointments of yesterday", "expired", (("appointments", late),)
    for why, entries in (
        ("appointments out of order", (OTHER, EARLY)),
        ("one appointment twice", (EARLY, EARLY)),
        ("an appointment that ends as it begins", (NEVER,)),
    ):
        yield why, "malformed", (("appointments", EDITION.appointments(*entries)),)

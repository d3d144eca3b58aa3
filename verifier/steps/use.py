"""Uses: what a pass claims in the store, all or none.

A claim names its key by a keyed hash: scope, direction and person go in, nothing of them can be
read back. The key changes daily; around midnight a claim also looks at yesterday's name of itself
(`also`), so that a person does not pass twice by the turn of the day. The same claims are
executed by the store's function and by a terminal's SQLite transaction.
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from verifier.codes.names import subject_of
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import Direction, Kind, Outcome
from verifier.decision import Assessment
from verifier.policy.profiles import MAX_USE_SECONDS, UseRule, way

HASH_TAGS: Final = 64
"""Slots of the store's keys; a use scope lives in one."""
PERSON_BYTES: Final = 12
"""Octets of a person's keyed hash: 96 bits, no collision among 8 million scans a day."""
DAY: Final = 86_400


class UseKind(StrEnum):
    """What the store does with a claim."""

    ONCE = "once"
    """Refused (USED) while the key is there; sets it for `seconds`."""
    ENTER = "enter"
    """Refused (PAIR) while the key is there; sets it for `seconds`."""
    LEAVE = "leave"
    """Refused (PAIR) unless the key is there; removes it."""
    ROOM = "room"
    """Adds `count` to a counter; refused (FULL) past `limit`. A negative count gives back."""


class Use(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing a pass takes."""

    kind: UseKind
    key: str
    also: str = ""
    seconds: int = 0
    count: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeys:
    """The person-hash key of today and, while its claims may still count, of yesterday."""

    today: bytes
    yesterday: bytes | None

    def __repr__(self) -> str:
        return "PersonKeys(…)"


def person_hash(key: bytes, person: str) -> bytes:
    """Hash a person under a day's key: 12 bytes."""
    return hashlib.blake2b(person.encode(), key=key, digest_size=PERSON_BYTES).digest()


def person_name(assessment: Assessment) -> str | None:
    """Return what stands for the person: list/index, or a foreign document's name and birth.

    None for groups and strangers.
    """
    claims = assessment.claims
    if claims is None:
        return None
    if claims.person is not None:
        return f"{claims.list}/{claims.person}"
    return subject_of(claims.format, claims.document)


def scope_tag(scope: str) -> str:
    """Return the hash tag (two hex digits of 64) that a use scope's keys share."""
    return f"{hashlib.sha256(scope.encode()).digest()[0] % HASH_TAGS:02x}"


def uses_of(
    assessment: Assessment, rule: UseRule | None, grant: Grant, keys: PersonKeys
) -> tuple[Use, ...]:
    """Return what a pass at a gate takes; nothing for what is not a pass."""
    if assessment.outcome is not Outcome.PASS or rule is None:
        return ()
    scope = rule.scope_name(grant.place, grant.gate)
    persons = _persons(assessment)
    taken: list[Use] = []
    for person in persons:
        taken.append(_once(scope, grant.direction, person, rule, keys))
        if rule.pair:
            taken.append(_pair(scope, grant.direction, person, rule, keys))
    return (*taken, *room_use_of(len(persons), rule, grant))


def room_use_of(people: int, rule: UseRule | None, grant: Grant) -> tuple[Use, ...]:
    """Return the places that people take who enter, or give back who leave, if limited."""
    if rule is None or rule.capacity is None or not people:
        return ()
    return (
        Use(
            kind=UseKind.ROOM,
            key=f"room:{grant.place}",
            count=people if grant.direction is Direction.IN else -people,
            limit=rule.capacity,
            seconds=MAX_USE_SECONDS,
        ),
    )


def _persons(assessment: Assessment) -> tuple[str, ...]:
    claims = assessment.claims
    if claims is not None and claims.kind is Kind.GROUP and assessment.group is not None:
        verdict = assessment.group
        return tuple(f"{verdict.members.list}/{person}" for person in verdict.passing.tolist())
    person = person_name(assessment)
    return () if person is None else (person,)


def _once(scope: str, direction: Direction, person: str, rule: UseRule, keys: PersonKeys) -> Use:
    key, also = _names(f"{way(direction)}|{scope}", person, keys)
    return Use(kind=UseKind.ONCE, key=key, also=also, seconds=rule.once_for)


def _pair(scope: str, direction: Direction, person: str, rule: UseRule, keys: PersonKeys) -> Use:
    key, also = _names(f"p|{scope}", person, keys)
    kind = UseKind.ENTER if direction is Direction.IN else UseKind.LEAVE
    return Use(kind=kind, key=key, also=also, seconds=rule.pair_for)


def _names(what: str, person: str, keys: PersonKeys) -> tuple[str, str]:
    """Name a claim under today's key and, if there is one, yesterday's."""
    text = f"{what}|{person}".encode()
    return _name(text, keys.today), "" if keys.yesterday is None else _name(text, keys.yesterday)


def _name(text: bytes, key: bytes) -> str:
    """Return 16 characters: what a claim is called costs memory twice, in its key and record."""
    digest = hashlib.blake2b(text, key=key, digest_size=PERSON_BYTES).digest()
    return base64.urlsafe_b64encode(digest).decode()

"""Uses: what a pass claims in the store, all or none; of a group each member by itself.

A claim names its key by a keyed hash: scope and person go in, nothing of them can be read back.
The key changes daily; around midnight a claim also looks at yesterday's name of itself (`also`), so
that a person does not pass twice by the turn of the day. The same claims are executed by the
store's function and by a terminal's SQLite transaction.

- A proof outranks a person's paper (a static code), and that a group's paper; each claims under
  names of its own. A claim is refused by its own rank and by higher ones, never by lower ones. So a
  photo of paper takes nothing from anyone who has a phone, and one of a group's paper nothing
  from a person's own.
- A presentation passes once while it is fresh. The person's own claim sees to that where it lasts
  as long and holds for the whole place; the way back looks at it too (`shown`). Elsewhere the
  presentation is claimed itself.
Document: docs/cc1.md, "Uses".
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from verifier.codes.claims import Claims
from verifier.codes.names import subject_of
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import Answer, Direction, Format, Kind, Outcome
from verifier.decision import Assessment
from verifier.groups.verdict import GroupVerdict
from verifier.policy.profiles import MAX_USE_SECONDS, Profile, UseRule, way

HASH_TAGS: Final = 64
"""Slots of the store's keys; a use scope lives in one."""
PERSON_BYTES: Final = 12
"""Octets of a person's keyed hash: 96 bits, no collision among 8 million scans a day."""
DAY: Final = 86_400
CLOCKS_APART_S: Final = 10
"""Seconds that the clocks of two who judge one presentation may differ; added to what it lasts."""
NAME_CHARS: Final = 16
"""Characters of a claim's name; of ONCE the letter of its direction follows."""
_SHOWING: Final = "s"
"""Ends the name of a presentation's own claim."""


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
    GROUP = "group"
    """Stands first where a group's members follow."""
    MEMBER = "member"
    """The claims of the member at position `count` follow: all of them, or it is an exception."""


class Use(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing a pass takes."""

    kind: UseKind
    key: str = ""
    also: str = ""
    """Other names, with spaces between them: held by another scan, they refuse too. LEAVE is
    content with any, and removes all."""
    seconds: int = 0
    count: int = 0
    limit: int = 0
    shown: int = 0
    """ONCE: Unix seconds of the proof; refused too where the same proof passed the other way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAnswer:
    """What became of a pass's claims."""

    answer: Answer
    members: tuple[int, ...] = ()
    """Of a group: positions from 1 of those who had passed already."""


class _Rank(StrEnum):
    """By what somebody passes, the highest first; each claims under names of its own."""

    PROOF = ""
    PAPER = "p"
    GROUP_PAPER = "g"


_RANKS: Final[tuple[_Rank, ...]] = tuple(_Rank)


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


def place_scope(rule: UseRule | None, place: str) -> str:
    """Return the scope whose tag a gate's keys share: its zone, or else its place."""
    zone = rule is not None and rule.scope not in ("gate", "place")
    return rule.scope if rule is not None and zone else f"place:{place}"


def scope_tag(scope: str) -> str:
    """Return the hash tag (two hex digits of 64) that the keys of a place or zone share."""
    return f"{hashlib.sha256(scope.encode()).digest()[0] % HASH_TAGS:02x}"


def uses_of(
    assessment: Assessment, asked: Profile | None, grant: Grant, keys: PersonKeys
) -> tuple[Use, ...]:
    """Return what a pass at a gate takes; nothing for what is not a pass."""
    claims = assessment.claims
    if assessment.outcome is not Outcome.PASS or asked is None or claims is None:
        return ()
    rule = asked.use
    if rule is None:
        return _showing(assessment, asked, grant, keys)
    line = _Claimant(rule, grant, keys, rank=_rank(claims), assessment=assessment)
    if claims.kind is Kind.GROUP and assessment.group is not None:
        return _group_uses(assessment, assessment.group, asked, line)
    person = person_name(assessment)
    if person is None:
        return ()
    own = line.uses(person)
    if claims.holder is not None and not _covered(asked, rule):
        own = (*own, *_showing(assessment, asked, grant, keys))
    return own if rule.capacity is None else (*own, *room_use_of(1, rule, grant))


def _group_uses(
    assessment: Assessment, verdict: GroupVerdict, asked: Profile, line: "_Claimant"
) -> tuple[Use, ...]:
    """Claim each member by itself; the room counts those who are admitted."""
    rule, members = line.rule, verdict.members
    taken = [Use(kind=UseKind.GROUP)]
    if not len(verdict.passing) or not _covered(asked, rule):
        taken += _showing(assessment, asked, line.grant, line.keys)
    positions = members.persons.searchsorted(verdict.passing) + 1
    for person, position in zip(verdict.passing.tolist(), positions.tolist(), strict=True):
        taken.append(Use(kind=UseKind.MEMBER, count=position))
        taken += line.uses(f"{members.list}/{person}")
    return (*taken, *room_use_of(len(verdict.passing), rule, line.grant))


def _rank(claims: Claims) -> _Rank:
    """Say by what somebody passes; a foreign document has no proof to be told apart from."""
    if claims.holder is not None or claims.format is not Format.CC1:
        return _Rank.PROOF
    return _Rank.GROUP_PAPER if claims.kind is Kind.GROUP else _Rank.PAPER


def _covered(asked: Profile, rule: UseRule) -> bool:
    """Say whether a person's own claim lasts as long as a proof, at every gate of the place."""
    return rule.once_for >= asked.window and rule.scope != "gate"


def _showing(
    assessment: Assessment, asked: Profile, grant: Grant, keys: PersonKeys
) -> tuple[Use, ...]:
    """Claim the presentation itself: one credential at one second. Paper has none."""
    claims = assessment.claims
    if claims is None or assessment.shown_at is None:
        return ()
    scope = place_scope(asked.use, grant.place)
    showing = f"{claims.list}/{claims.credential}/{assessment.shown_at}"
    name, also = _names(f"s|{scope}", showing, keys)
    return (
        Use(
            kind=UseKind.ONCE,
            key=name + _SHOWING,
            also=also and also + _SHOWING,
            seconds=asked.window + assessment.shown_ahead + CLOCKS_APART_S,
        ),
    )


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


class _Claimant:
    """Names what one person claims at a gate."""

    __slots__ = ("ahead", "grant", "keys", "rank", "rule", "scope", "shown", "way")

    def __init__(
        self,
        rule: UseRule,
        grant: Grant,
        keys: PersonKeys,
        *,
        rank: _Rank,
        assessment: Assessment,
    ) -> None:
        self.rule = rule
        self.grant = grant
        self.keys = keys
        self.rank = rank
        self.scope = rule.scope_name(grant.place, grant.gate)
        self.way = way(grant.direction)
        self.shown = assessment.shown_at or 0
        self.ahead = assessment.shown_ahead

    def uses(self, person: str) -> tuple[Use, ...]:
        """Return the person's claims; all of them are taken, or none."""
        once = self._once(person)
        return (once, self._pair(person)) if self.rule.pair else (once,)

    def _once(self, person: str) -> Use:
        key, also = self._named("u", person, self.way, self._higher())
        return Use(
            kind=UseKind.ONCE,
            key=key,
            also=also,
            seconds=self.rule.once_for + self.ahead,
            shown=self.shown,
        )

    def _pair(self, person: str) -> Use:
        """Claim an entry, which a higher rank refuses, or an exit, which ends lower ones too."""
        enters = self.grant.direction is Direction.IN
        kind = UseKind.ENTER if enters else UseKind.LEAVE
        others = self._higher() if enters else self._lower()
        key, also = self._named("p", person, "", others)
        return Use(kind=kind, key=key, also=also, seconds=self.rule.pair_for)

    def _higher(self) -> tuple[_Rank, ...]:
        return () if self.rank is _Rank.PROOF else _RANKS[: _RANKS.index(self.rank)]

    def _lower(self) -> tuple[_Rank, ...]:
        return _RANKS[_RANKS.index(self.rank) + 1 :]

    def _named(
        self, family: str, person: str, suffix: str, others: tuple[_Rank, ...]
    ) -> tuple[str, str]:
        """Return the name of a claim, and the others that are looked at with it."""
        key, also = _names(f"{family}{self.rank.value}|{self.scope}", person, self.keys)
        if not others:
            return key + suffix, also and also + suffix
        found = [also]
        for rank in others:
            found += _names(f"{family}{rank.value}|{self.scope}", person, self.keys)
        return key + suffix, " ".join(name + suffix for name in found if name)


def _names(what: str, person: str, keys: PersonKeys) -> tuple[str, str]:
    """Name a claim under today's key and, if there is one, yesterday's."""
    text = f"{what}|{person}".encode()
    return _name(text, keys.today), "" if keys.yesterday is None else _name(text, keys.yesterday)


def _name(text: bytes, key: bytes) -> str:
    """Return 16 characters: what a claim is called costs memory twice, in its key and record."""
    digest = hashlib.blake2b(text, key=key, digest_size=PERSON_BYTES).digest()
    return base64.urlsafe_b64encode(digest).decode()

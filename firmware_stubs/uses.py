"""Uses on the terminal: the same claims as the centre's store function, over a table of uses. Pure.

`take` first checks all claims, then takes all or none (of a group, each member's); the answers are
the centre's. What the
centre passed is remembered here too, so that going offline does not forget it. Keys of ONCE, ENTER
and LEAVE never meet. A terminal counts those whom it let in itself: what passes at another gate
while both are offline comes out at upload, as an incident.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple, Protocol

from msgspec import structs

from firmware_stubs.clock import TerminalClock
from verifier.contract.vocabulary import Answer
from verifier.policy.profiles import MAX_USE_SECONDS
from verifier.steps.use import Use, UseAnswer, UseKind

SCAN_ID_CHARS: Final = 36
LONGEST_S: Final = MAX_USE_SECONDS + 600.0
"""Seconds; no use lasts longer, with what a proof may lie ahead of an uncertain clock."""
_OTHER_WAY: Final = {"i": "o", "o": "i"}
"""Letters of direction at the end of the keys of ONCE."""

_REFUSALS: Final = {
    UseKind.ONCE: Answer.USED,
    UseKind.ENTER: Answer.PAIR,
    UseKind.LEAVE: Answer.PAIR,
    UseKind.ROOM: Answer.FULL,
}


class SweptTable(Protocol):
    """The same table, as it is cleaned."""

    def sweep(self, now: float) -> int:
        """Delete what no longer counts; returns how many."""

    def shorten(self, latest: float) -> None:
        """Let nothing count longer than this."""


def clean(table: SweptTable, clock: TerminalClock, wall: float) -> None:
    """Delete what no longer counts, so that no wrong time outlasts itself.

    One that is ahead for minutes must not forget who passed: what is over by the floor goes, which
    two sources support. What was taken at such a time ends, once it is right, as all uses do.
    """
    now = clock.now(wall)
    if clock.sure(wall):
        table.shorten(now + LONGEST_S)
    table.sweep(min(now, clock.floor))


class UseTable(Protocol):
    """Where uses are kept; times in Unix seconds."""

    def holders(self, names: tuple[str, ...], now: float) -> tuple[str, ...]:
        """Return who has taken any of these keys and still counts."""

    def hold(self, key: str, holder: str, until: float) -> None:
        """Take a key; a holder is a scan_id, and behind it the second of its proof."""

    def release(self, key: str) -> None:
        """Give a key back."""

    def inside(self, key: str, now: float) -> int:
        """Return how many are in a room; 0 when its count no longer counts."""

    def count(self, key: str, count: int, until: float) -> None:
        """Set how many are in a room."""


def take(table: UseTable, claims: Iterable[Use], *, scan_id: str, now: float) -> UseAnswer:
    """Take all claims or none, of a group each member's; `now` in Unix seconds."""
    claims = tuple(claims)
    if claims and claims[0].kind is UseKind.GROUP:
        return _admit(table, claims, scan_id=scan_id, now=now)
    for claim in claims:
        if not _free(table, claim, scan_id, now):
            return UseAnswer(answer=_REFUSALS[claim.kind])
    remember(table, claims, scan_id=scan_id, now=now)
    return UseAnswer(answer=Answer.FRESH)


def _admit(table: UseTable, claims: tuple[Use, ...], *, scan_id: str, now: float) -> UseAnswer:
    """Take the claims of members who have not passed yet; the others are exceptions."""
    group = _group(claims)
    for claim in group.all:
        if not _free(table, claim, scan_id, now):
            return UseAnswer(answer=_REFUSALS[claim.kind])
    free: list[Use] = []
    admitted = 0
    exceptions: list[int] = []
    for position, own in group.members:
        if all(_free(table, claim, scan_id, now) for claim in own):
            free += own
            admitted += 1
        else:
            exceptions.append(position)
    if group.members and not admitted:
        return UseAnswer(answer=Answer.USED)
    rooms = tuple(structs.replace(room, count=_signed(room, admitted)) for room in group.rooms)
    if not all(_free(table, room, scan_id, now) for room in rooms):
        return UseAnswer(answer=Answer.FULL)
    remember(table, (*group.all, *free, *rooms), scan_id=scan_id, now=now)
    answer = Answer.PART if exceptions else Answer.FRESH
    return UseAnswer(answer=answer, members=tuple(exceptions))


class _Group(NamedTuple):
    all: tuple[Use, ...]
    """What holds for the group as a whole."""
    members: tuple[tuple[int, tuple[Use, ...]], ...]
    """(position, claims)."""
    rooms: tuple[Use, ...]


def _group(claims: tuple[Use, ...]) -> _Group:
    together: list[Use] = []
    members: list[tuple[int, list[Use]]] = []
    rooms: list[Use] = []
    for claim in claims[1:]:
        if claim.kind is UseKind.ROOM:
            rooms.append(claim)
        elif claim.kind is UseKind.MEMBER:
            members.append((claim.count, []))
        elif members:
            members[-1][1].append(claim)
        else:
            together.append(claim)
    by_position = tuple((position, tuple(own)) for position, own in members)
    return _Group(tuple(together), by_position, tuple(rooms))


def _signed(room: Use, people: int) -> int:
    return people if room.count > 0 else -people


def remember(
    table: UseTable,
    claims: Iterable[Use],
    *,
    scan_id: str,
    now: float,
    without: Collection[int] = (),
) -> None:
    """Take all claims unasked: somebody who may has passed this scan.

    `without`: positions of a group's members who did not pass with it.
    """
    claims = tuple(claims)
    if without and claims and claims[0].kind is UseKind.GROUP:
        group = _group(claims)
        inside = [own for position, own in group.members if position not in without]
        rooms = [structs.replace(room, count=_signed(room, len(inside))) for room in group.rooms]
        claims = (*group.all, *(claim for own in inside for claim in own), *rooms)
    for claim in claims:
        until = now + claim.seconds
        if claim.kind is UseKind.ROOM:
            inside_now = max(0, table.inside(claim.key, now) + claim.count)
            table.count(claim.key, inside_now, until)
        elif claim.kind is UseKind.LEAVE:
            for name in (claim.key, *claim.also.split()):
                table.release(name)
        elif claim.kind in (UseKind.ONCE, UseKind.ENTER):
            table.hold(claim.key, f"{scan_id}{claim.shown or ''}", until)


def _free(table: UseTable, claim: Use, scan_id: str, now: float) -> bool:
    if claim.kind is UseKind.ROOM:
        return claim.count <= 0 or table.inside(claim.key, now) + claim.count <= claim.limit
    names = (claim.key, *claim.also.split())
    holders = table.holders(names, now)
    if claim.kind is UseKind.LEAVE:
        return bool(holders)
    # What this very scan has taken is its own: a repetition takes nothing twice.
    if not all(holder.startswith(scan_id) for holder in holders):
        return False
    if not claim.shown:
        return True
    back = tuple(name[:-1] + _OTHER_WAY[name[-1]] for name in names)
    return all(holder[SCAN_ID_CHARS:] != str(claim.shown) for holder in table.holders(back, now))

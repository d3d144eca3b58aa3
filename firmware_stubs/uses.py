"""Uses on the terminal: the same claims as the centre's store function, over a table of uses. Pure.

`take` first checks all claims, then takes all or none; the answers are the centre's. What the
centre passed is remembered here too, so that going offline does not forget it. Keys of ONCE, ENTER
and LEAVE never meet. A terminal counts those whom it let in itself: what passes at another gate
while both are offline comes out at upload, as an incident.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from verifier.contract.vocabulary import Answer
from verifier.steps.use import Use, UseKind

_REFUSALS: Final = {
    UseKind.ONCE: Answer.USED,
    UseKind.ENTER: Answer.PAIR,
    UseKind.LEAVE: Answer.PAIR,
    UseKind.ROOM: Answer.FULL,
}


class UseTable(Protocol):
    """Where uses are kept; times in Unix seconds."""

    def holders(self, key: str, also: str, now: float) -> tuple[str, ...]:
        """Return the scan_ids that have taken either key and still count."""

    def hold(self, key: str, scan_id: str, until: float) -> None:
        """Take a key for a scan."""

    def release(self, key: str, also: str) -> None:
        """Give both keys back."""

    def inside(self, key: str, now: float) -> int:
        """Return how many are in a room; 0 when its count no longer counts."""

    def count(self, key: str, count: int, until: float) -> None:
        """Set how many are in a room."""


def take(table: UseTable, claims: Iterable[Use], *, scan_id: str, now: float) -> Answer:
    """Take all claims or none; `now` in Unix seconds."""
    claims = tuple(claims)
    for claim in claims:
        if not _free(table, claim, scan_id, now):
            return _REFUSALS[claim.kind]
    remember(table, claims, scan_id=scan_id, now=now)
    return Answer.FRESH


def remember(table: UseTable, claims: Iterable[Use], *, scan_id: str, now: float) -> None:
    """Take all claims unasked: somebody who may has passed this scan."""
    for claim in claims:
        until = now + claim.seconds
        if claim.kind is UseKind.ROOM:
            inside = max(0, table.inside(claim.key, now) + claim.count)
            table.count(claim.key, inside, until)
        elif claim.kind is UseKind.LEAVE:
            table.release(claim.key, claim.also)
        else:
            table.hold(claim.key, scan_id, until)


def _free(table: UseTable, claim: Use, scan_id: str, now: float) -> bool:
    if claim.kind is UseKind.ROOM:
        return claim.count <= 0 or table.inside(claim.key, now) + claim.count <= claim.limit
    holders = table.holders(claim.key, claim.also, now)
    if claim.kind is UseKind.LEAVE:
        return bool(holders)
    # What this very scan has taken is its own: a repetition takes nothing twice.
    return all(holder == scan_id for holder in holders)

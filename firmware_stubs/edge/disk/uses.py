"""Uses on the terminal: the same claims as the centre's store function, in one SQLite transaction.

`take` first checks all claims, then takes all or none; the answers are the centre's. What the
centre passed is remembered here too, so that going offline does not forget it. Tables: `held` (key,
scan_id, until) for ONCE, ENTER and LEAVE, whose keys never meet; `room` (key, count, until). A
terminal counts those whom it let in itself: what passes at another gate while both are offline
comes out at upload, as an incident.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from verifier.contract.vocabulary import Answer
from verifier.steps.use import Use, UseKind

_REFUSALS: Final = {
    UseKind.ONCE: Answer.USED,
    UseKind.ENTER: Answer.PAIR,
    UseKind.LEAVE: Answer.PAIR,
    UseKind.ROOM: Answer.FULL,
}


def take(
    connection: sqlite3.Connection, claims: Iterable[Use], *, scan_id: str, now: float
) -> Answer:
    """Take all claims or none, within the caller's transaction; `now` in Unix seconds."""
    claims = tuple(claims)
    for claim in claims:
        if not _free(connection, claim, scan_id, now):
            return _REFUSALS[claim.kind]
    remember(connection, claims, scan_id=scan_id, now=now)
    return Answer.FRESH


def remember(
    connection: sqlite3.Connection, claims: Iterable[Use], *, scan_id: str, now: float
) -> None:
    """Take all claims unasked: somebody who may has passed this scan."""
    for claim in claims:
        if claim.kind is UseKind.ROOM:
            _count(connection, claim, now)
        elif claim.kind is UseKind.LEAVE:
            connection.execute("DELETE FROM held WHERE key IN (?, ?)", (claim.key, claim.also))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO held (key, scan_id, until) VALUES (?, ?, ?)",
                (claim.key, scan_id, now + claim.seconds),
            )


def sweep(connection: sqlite3.Connection, now: float) -> int:
    """Delete what no longer counts; returns how many."""
    gone = connection.execute("DELETE FROM held WHERE until <= ?", (now,)).rowcount
    return gone + connection.execute("DELETE FROM room WHERE until <= ?", (now,)).rowcount


def _free(connection: sqlite3.Connection, claim: Use, scan_id: str, now: float) -> bool:
    if claim.kind is UseKind.ROOM:
        return claim.count <= 0 or _inside(connection, claim, now) + claim.count <= claim.limit
    holders = connection.execute(
        "SELECT scan_id FROM held WHERE key IN (?, ?) AND until > ?", (claim.key, claim.also, now)
    ).fetchall()
    if claim.kind is UseKind.LEAVE:
        return bool(holders)
    # What this very scan holds is its own: a repetition takes nothing twice.
    return all(holder == scan_id for (holder,) in holders)


def _inside(connection: sqlite3.Connection, claim: Use, now: float) -> int:
    row = connection.execute(
        "SELECT count FROM room WHERE key = ? AND until > ?", (claim.key, now)
    ).fetchone()
    return 0 if row is None else int(row[0])


def _count(connection: sqlite3.Connection, claim: Use, now: float) -> None:
    count = max(0, _inside(connection, claim, now) + claim.count)
    connection.execute(
        "INSERT OR REPLACE INTO room (key, count, until) VALUES (?, ?, ?)",
        (claim.key, count, now + claim.seconds),
    )

"""Reconciliation: equal, behind, ahead, different, and which to send again."""

from typing import Any

import pytest

from verifier.feeds.batches import FIRST_CHAIN, SourceProgress, next_chain
from verifier.feeds.reconciliation import (
    KEPT_REPORTS,
    Agreement,
    SentBatch,
    SourceStatement,
    compare,
)
from verifier.feeds.reports import BatchReport, BatchState


def digest(number: int) -> str:
    """Return the digest of a batch."""
    return f"{number:064x}"


def chain(count: int) -> str:
    """Return the chain over batches 1 to `count`."""
    found = FIRST_CHAIN.hex()
    for number in range(1, count + 1):
        found = next_chain(found, number, digest(number))
    return found


def ours(count: int, *, finished: bool = True) -> SourceProgress:
    """Return the progress after `count` batches; unfinished: one more is under way."""
    return SourceProgress(
        sequence=count if finished else count + 1,
        batch="00" * 16,
        digest=digest(count),
        finished=finished,
        line=0,
        chain=chain(count),
    )


def reports(first: int, last: int) -> dict[int, BatchReport]:
    """Return the reports of applied batches."""
    return {
        number: BatchReport(
            source="s",
            batch=f"{number:032x}",
            digest=digest(number),
            sequence=number,
            state=BatchState.APPLIED,
            counts={"health": {"red": number}},
            chain=chain(number),
        )
        for number in range(first, last + 1)
    }


HERE = reports(1, 5)


@pytest.mark.parametrize(
    ("asked", "standing", "resend"),
    [
        ({"sequence": 5, "chain": chain(5)}, Agreement.EQUAL, ()),
        ({"sequence": 5}, Agreement.EQUAL, ()),
        ({"sequence": 7}, Agreement.BEHIND, (6, 7)),
        ({"sequence": 7, "chain": chain(7)}, Agreement.BEHIND, (6, 7)),
        ({"sequence": 3, "chain": chain(3)}, Agreement.AHEAD, ()),
        ({"sequence": 0, "chain": chain(0)}, Agreement.AHEAD, ()),
        ({"sequence": 5, "chain": digest(9)}, Agreement.DIFFERENT, ()),
        ({"sequence": 3, "chain": digest(9)}, Agreement.DIFFERENT, ()),
        ({"sequence": 5, "counts": {"health": {"red": 15}}}, Agreement.EQUAL, ()),
        ({"sequence": 5, "counts": {"health": {"red": 15, "green": 0}}}, Agreement.EQUAL, ()),
        ({"sequence": 5, "since": 3, "counts": {"health": {"red": 9}}}, Agreement.EQUAL, ()),
        ({"sequence": 5, "counts": {"health": {"red": 14}}}, Agreement.DIFFERENT, ()),
    ],
)
def test_how_both_sides_stand(
    asked: dict[str, Any], standing: Agreement, resend: tuple[int, ...]
) -> None:
    """By digest first, then by number, then by count."""
    found = compare(SourceStatement(**asked), ours(5), HERE)
    assert (found.standing, found.resend) == (standing, resend)
    assert found.next == 6


def test_the_sources_log_shows_where_two_chains_part() -> None:
    """The batches that are others' are named."""
    log = tuple(SentBatch(sequence=n, digest=digest(n + (n > 3))) for n in range(1, 6))
    found = compare(SourceStatement(sequence=5, batches=log), ours(5), HERE)
    assert (found.standing, found.differs) == (Agreement.DIFFERENT, (4, 5))


def test_a_batch_under_way_is_not_counted() -> None:
    """It is neither here nor missing until it is finished."""
    found = compare(SourceStatement(sequence=6, chain=chain(6)), ours(5, finished=False), HERE)
    assert (found.standing, found.sequence, found.resend) == (Agreement.BEHIND, 5, (6,))


def test_a_source_that_never_sent() -> None:
    """Both sides have nothing, or all is missing."""
    assert compare(SourceStatement(sequence=0), None, {}).standing is Agreement.EQUAL
    assert compare(SourceStatement(sequence=2), None, {}).resend == (1, 2)


def test_what_is_no_longer_kept_is_not_guessed() -> None:
    """Counts and old chains are unknown, the present chain is known."""
    found = compare(
        SourceStatement(sequence=5, chain=chain(5), counts={"health": {"red": 15}}),
        ours(5),
        reports(3, 5),
    )
    assert (found.counts, found.counts_equal, found.digests_equal) == (None, None, True)
    old = compare(SourceStatement(sequence=2, chain=digest(9)), ours(5), reports(3, 5))
    assert (old.standing, old.digests_equal) == (Agreement.AHEAD, None)


def test_what_to_send_again_is_bounded() -> None:
    """A source that says a large number gets a short list."""
    found = compare(SourceStatement(sequence=2**50), ours(5), HERE)
    assert len(found.resend) == KEPT_REPORTS

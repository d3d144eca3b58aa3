"""Reconciliation: what a source says it has sent beside what is here, by digest and by count.

The chain is over the digests of all finished batches, so that one comparison of 32 bytes says that
both sides hold the same batches in the same order. Where it differs, the source's own list of
digests shows where.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from verifier.feeds.batches import FIRST_CHAIN, SourceProgress
from verifier.feeds.reports import BatchReport, BatchState, Counts, add_counts

KEPT_REPORTS: Final = 1000
"""Batches of a source that are remembered: three days of one every five minutes."""
_Hex64 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Sequence = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class Agreement(StrEnum):
    """How the two sides compare."""

    EQUAL = "equal"
    BEHIND = "behind"
    """We have fewer than the source has sent: `resend` says which."""
    AHEAD = "ahead"
    """The source knows fewer than it has sent: it has lost its own log, and goes on at `next`."""
    DIFFERENT = "different"
    """The same numbers name other batches: `differs` says which, as far as both sides know."""


class SentBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch that the source says it has sent."""

    sequence: _Sequence
    digest: _Hex64


class SourceStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source says of itself."""

    sequence: _Sequence
    """Number of the last batch it has sent; 0: none."""
    chain: _Hex64 | None = None
    """Over all its batches up to that one."""
    since: _Sequence = 0
    """`counts` are of the batches after this one."""
    counts: dict[str, dict[str, Annotated[int, msgspec.Meta(ge=0)]]] | None = None
    """Plane to value to right lines; without it, only digests are compared."""
    batches: Annotated[tuple[SentBatch, ...], msgspec.Meta(max_length=KEPT_REPORTS)] = ()
    """Its log, newest batches, to find where two chains part."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    standing: Agreement
    sequence: int
    """Of the last batch that is finished here."""
    next: int
    """The number that is taken next."""
    chain: str
    """Ours, up to the lower of both numbers; empty where that is no longer kept."""
    digests_equal: bool | None
    """None: nothing to compare, or no longer kept."""
    counts_equal: bool | None
    counts: Counts | None
    """Ours over (since, the lower number]; None: some of these are no longer kept."""
    resend: tuple[int, ...]
    """Numbers to send, at most as many as are kept; none of them is here."""
    differs: tuple[int, ...]


def compare(
    asked: SourceStatement, progress: SourceProgress | None, reports: Mapping[int, BatchReport]
) -> Comparison:
    """Compare; `reports` are those kept, by number."""
    ours = _finished(progress)
    done = {n: it for n, it in reports.items() if it.state is BatchState.APPLIED and n <= ours}
    common = min(asked.sequence, ours)
    chain = _chain_at(common, progress, done)
    differs = tuple(
        sorted(
            sent.sequence
            for sent in asked.batches
            if sent.sequence in done and done[sent.sequence].digest != sent.digest
        )
    )
    counts = _counts(asked.since, common, done)
    digests_equal: bool | None = None
    if differs:
        digests_equal = False
    elif asked.chain is not None and chain and asked.sequence == common:
        digests_equal = asked.chain == chain
    same = None if counts is None or asked.counts is None else _clean(asked.counts) == counts
    return Comparison(
        standing=_standing(asked, ours, digests_equal=digests_equal, counts_equal=same),
        sequence=ours,
        next=ours + 1,
        chain=chain,
        digests_equal=digests_equal,
        counts_equal=same,
        counts=counts,
        resend=tuple(range(ours + 1, min(asked.sequence, ours + KEPT_REPORTS) + 1)),
        differs=differs,
    )


def _standing(
    asked: SourceStatement, ours: int, *, digests_equal: bool | None, counts_equal: bool | None
) -> Agreement:
    if digests_equal is False:
        return Agreement.DIFFERENT
    if asked.sequence > ours:
        return Agreement.BEHIND
    if asked.sequence < ours:
        return Agreement.AHEAD
    return Agreement.DIFFERENT if counts_equal is False else Agreement.EQUAL


def _finished(progress: SourceProgress | None) -> int:
    if progress is None:
        return 0
    return progress.sequence if progress.finished else progress.sequence - 1


def _chain_at(
    sequence: int, progress: SourceProgress | None, done: Mapping[int, BatchReport]
) -> str:
    if sequence == 0:
        return FIRST_CHAIN.hex()
    if progress is not None and sequence == _finished(progress):
        return progress.chain
    return (done[sequence].chain or "") if sequence in done else ""


def _counts(since: int, until: int, done: Mapping[int, BatchReport]) -> Counts | None:
    if until - since > len(done) or any(n not in done for n in range(since + 1, until + 1)):
        return None
    counts: Counts = {}
    for number in range(since + 1, until + 1):
        add_counts(counts, done[number].counts)
    return counts


def _clean(counts: Mapping[str, Mapping[str, int]]) -> Counts:
    """Leave out what was counted zero times."""
    rows = {p: {v: n for v, n in values.items() if n} for p, values in counts.items()}
    return {plane: values for plane, values in rows.items() if values}

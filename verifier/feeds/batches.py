"""Batches: whether a manifest is one of the source's, and whether it is its batch's turn.

The turn is a table over what the source's progress says. Numbers follow each other without gaps and
are never used twice; a batch that is sent again is answered as it was. Everything is judged before
a byte of the body is read.
"""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from verifier.contract.envelope import Envelope, SignedUse, take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.contract.feed import MAX_MANIFEST_BYTES, BatchManifest, read_manifest
from verifier.errors import FeedCause, FeedRefused
from verifier.feeds.reports import BatchReport
from verifier.feeds.sources import Source, SourceState

MAX_SKEW_S: Final = 300
"""Seconds between a source's clock and ours; past it its times mean nothing."""
FIRST_CHAIN: Final = bytes(32)


class SourceProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a source has come: the marker that moves in one step with the planes.

    Before a first batch there is none.
    """

    sequence: int
    """Of the batch that is being applied, or was applied last."""
    batch: str
    """Its id, hex."""
    digest: str
    """Of its text, hex."""
    finished: bool
    line: int
    """Lines of it whose changes are in the planes."""
    chain: str
    """Over the digests of all finished batches, hex."""
    applied: int = 0
    """Lines whose value was set."""
    older: int = 0
    """Lines that a newer observation had overtaken."""
    fed: int = 0
    """`iat` of the last finished batch."""
    at: int = 0
    """When it was finished, Unix seconds by our clock."""
    observed: int = 0
    """Newest time of observation in all finished batches."""


class Turn(StrEnum):
    """What happens with a batch whose manifest holds."""

    TAKE = "take"
    """It is the next one."""
    CONTINUE = "continue"
    """It is being applied: if its text is here, it goes on by itself, else it is sent again."""
    AGAIN = "again"
    """It was finished: answer what was answered."""


def open_manifest(data: bytes, source: Source) -> BatchManifest:
    """Read a signed manifest of a source; its time and its turn are not judged here.

    Raises:
        FeedRefused: malformed, not signed by the source, or of another one; outside its scope.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise FeedRefused(FeedCause.MANIFEST_MALFORMED)
    try:
        envelope = take_apart(data)
    except MalformedError as error:
        raise FeedRefused(FeedCause.MANIFEST_MALFORMED) from error
    if not _signed(envelope, source):
        raise FeedRefused(FeedCause.MANIFEST_SIGNATURE)
    try:
        manifest = read_manifest(envelope.payload)
    except MalformedError as error:
        raise FeedRefused(FeedCause.MANIFEST_MALFORMED) from error
    _judge_scope(manifest, source)
    return manifest


def _signed(envelope: Envelope, source: Source) -> bool:
    if envelope.kid != source.kid or envelope.algorithm != source.key.algorithm:
        return False
    message = to_be_signed(SignedUse.FEED, envelope.protected, envelope.payload)
    return source.key.verify(message, envelope.signature)


def _judge_scope(manifest: BatchManifest, source: Source) -> None:
    file = source.file
    if manifest.source != file.name:
        raise FeedRefused(FeedCause.MANIFEST_SOURCE)
    if manifest.list != file.list or any(plane not in file.scope for plane in manifest.planes):
        raise FeedRefused(FeedCause.MANIFEST_SCOPE)
    limits = file.limits
    if manifest.lines > limits.batch_lines or manifest.octets > limits.batch_octets:
        raise FeedRefused(
            FeedCause.MANIFEST_LARGE, lines=limits.batch_lines, octets=limits.batch_octets
        )


def judge_turn(
    manifest: BatchManifest, progress: SourceProgress | None, known: BatchReport | None
) -> Turn:
    """Say what a batch is to a source that has come this far.

    `known` is what was last reported of a batch of this number, if it is still kept.

    Raises:
        FeedRefused: a gap, a number used for another batch, or another batch is being applied.
    """
    last = 0 if progress is None else progress.sequence
    identity = (manifest.batch.hex(), manifest.digest.hex())
    if progress is not None and not progress.finished:
        if identity == (progress.batch, progress.digest) and manifest.sequence == last:
            return Turn.CONTINUE
        if manifest.sequence >= last:
            raise FeedRefused(FeedCause.BATCH_BUSY, expected=last)
    if known is not None and identity == (known.batch, known.digest):
        return Turn.AGAIN
    if manifest.sequence <= last:
        if known is None:
            raise FeedRefused(FeedCause.BATCH_OLD, expected=last + 1)
        raise FeedRefused(FeedCause.BATCH_CONFLICT, expected=last + 1)
    if manifest.sequence > last + 1:
        raise FeedRefused(FeedCause.BATCH_GAP, expected=last + 1)
    return Turn.TAKE


def judge_time(manifest: BatchManifest, source: Source, now: float) -> None:
    """Check the sender's clock, and whether the source may send at all.

    Raises:
        FeedRefused: the clocks differ by more than MAX_SKEW_S, or the source is suspended.
    """
    if source.file.state is not SourceState.ACTIVE:
        raise FeedRefused(FeedCause.SOURCE_SUSPENDED)
    if abs(manifest.iat - now) > MAX_SKEW_S:
        raise FeedRefused(FeedCause.MANIFEST_CLOCK, yours=manifest.iat, ours=int(now))


def begin(manifest: BatchManifest, progress: SourceProgress | None) -> SourceProgress:
    """Return the progress of a batch of which nothing is applied yet."""
    return SourceProgress(
        sequence=manifest.sequence,
        batch=manifest.batch.hex(),
        digest=manifest.digest.hex(),
        finished=False,
        line=0,
        chain=FIRST_CHAIN.hex() if progress is None else progress.chain,
        fed=0 if progress is None else progress.fed,
        at=0 if progress is None else progress.at,
        observed=0 if progress is None else progress.observed,
    )


def step(progress: SourceProgress, *, line: int, applied: int, older: int) -> SourceProgress:
    """Return the progress after the lines before `line` are in the planes."""
    return msgspec.structs.replace(
        progress,
        line=line,
        applied=progress.applied + applied,
        older=progress.older + older,
    )


def finish(progress: SourceProgress, *, fed: int, observed: int, now: float) -> SourceProgress:
    """Return the progress of a source whose batch is applied whole."""
    return msgspec.structs.replace(
        progress,
        finished=True,
        chain=next_chain(progress.chain, progress.sequence, progress.digest),
        fed=max(fed, progress.fed),
        at=int(now),
        observed=max(observed, progress.observed),
    )


def next_chain(chain: str, sequence: int, digest: str) -> str:
    """Go on with the chain over batches: SHA-256(chain, digest, sequence as 8 bytes), hex."""
    joined = bytes.fromhex(chain) + bytes.fromhex(digest) + sequence.to_bytes(8, "big")
    return hashlib.sha256(joined).hexdigest()

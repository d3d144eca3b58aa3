"""Manifests and turns: signature, scope, clock, numbers."""

import itertools

import msgspec
import pytest

from tests.support.feed_sources import ED_KEY, KEY, NOW, manifest, sealed, source
from verifier.contract.envelope import SignedUse, seal
from verifier.contract.feed import BatchManifest
from verifier.contract.vocabulary import Plane
from verifier.errors import FeedCause, FeedRefused
from verifier.feeds.batches import (
    FIRST_CHAIN,
    MAX_SKEW_S,
    SourceProgress,
    Turn,
    begin,
    finish,
    judge_time,
    judge_turn,
    next_chain,
    open_manifest,
    step,
)
from verifier.feeds.reports import BatchReport, BatchState

OTHER = bytes(range(1, 17))


def refused(data: bytes, tables: str = "") -> FeedCause:
    """Return why a manifest is refused."""
    with pytest.raises(FeedRefused) as caught:
        open_manifest(data, source(tables=tables))
    return caught.value.cause


@pytest.mark.parametrize("key", [KEY, ED_KEY])
def test_a_manifest_of_the_source_is_read(key: object) -> None:
    """With either kind of key."""
    assert open_manifest(sealed(manifest(), key), source(key=key)) == manifest()  # type: ignore[arg-type]


def test_every_octet_of_a_manifest_counts() -> None:
    """A flipped bit anywhere is refused, as is every shorter manifest."""
    whole = sealed(manifest())
    for at in range(len(whole)):
        flipped = whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]
        assert refused(flipped) in (FeedCause.MANIFEST_MALFORMED, FeedCause.MANIFEST_SIGNATURE)
        assert refused(whole[:at]) is FeedCause.MANIFEST_MALFORMED


def test_another_key_and_another_use_do_not_sign_batches() -> None:
    """Forged by a stranger; signed by the source's key for something else."""
    assert refused(sealed(manifest(), ED_KEY)) is FeedCause.MANIFEST_SIGNATURE
    bundle = seal(SignedUse.BUNDLE, b"\xa0", kid=KEY.kid, algorithm=KEY.algorithm, sign=KEY.sign)
    assert refused(bundle) is FeedCause.MANIFEST_SIGNATURE


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"type": "trust"}, FeedCause.MANIFEST_MALFORMED),
        ({"planes": (Plane.HEALTH, Plane.HEALTH)}, FeedCause.MANIFEST_MALFORMED),
        ({"source": "another"}, FeedCause.MANIFEST_SOURCE),
        ({"list": 2}, FeedCause.MANIFEST_SCOPE),
        ({"planes": (Plane.REVOCATION,)}, FeedCause.MANIFEST_SCOPE),
        ({"lines": 1_000_001}, FeedCause.MANIFEST_LARGE),
        ({"octets": 256 * 1024 * 1024 + 1}, FeedCause.MANIFEST_LARGE),
        ({"sequence": 0}, FeedCause.MANIFEST_MALFORMED),
        ({"batch": b"short"}, FeedCause.MANIFEST_MALFORMED),
    ],
)
def test_a_manifest_outside_what_the_source_may(
    changes: dict[str, object], cause: FeedCause
) -> None:
    """Signed well, and still refused."""
    assert refused(sealed(manifest(**changes))) is cause


@pytest.mark.parametrize("offset", [-3600, -MAX_SKEW_S - 1, MAX_SKEW_S + 1, 3600])
def test_a_clock_that_is_wrong_is_said(offset: int) -> None:
    """Both times are told, so that somebody can see whose clock it is."""
    with pytest.raises(FeedRefused) as caught:
        judge_time(manifest(iat=NOW + offset), source(), NOW)
    assert caught.value.cause is FeedCause.MANIFEST_CLOCK
    assert caught.value.told == {"yours": NOW + offset, "ours": NOW}


@pytest.mark.parametrize("offset", [-MAX_SKEW_S, 0, MAX_SKEW_S])
def test_a_clock_that_is_nearly_right_will_do(offset: int) -> None:
    """Up to the bound, either way."""
    judge_time(manifest(iat=NOW + offset), source(), NOW)


def test_a_suspended_source_sends_nothing() -> None:
    """Whatever its clock says."""
    with pytest.raises(FeedRefused) as caught:
        judge_time(manifest(), source('state = "suspended"'), NOW)
    assert caught.value.cause is FeedCause.SOURCE_SUSPENDED


def came(sequence: int, described: BatchManifest, *, finished: bool) -> SourceProgress:
    """Return the progress of a source whose last batch is this one."""
    begun = begin(msgspec.structs.replace(described, sequence=sequence), None)
    return finish(begun, fed=NOW, observed=NOW, now=NOW) if finished else begun


def reported(described: BatchManifest, state: BatchState = BatchState.APPLIED) -> BatchReport:
    """Return the report of a batch."""
    return BatchReport(
        source=described.source,
        batch=described.batch.hex(),
        digest=described.digest.hex(),
        sequence=described.sequence,
        state=state,
    )


def turn(
    described: BatchManifest, progress: SourceProgress | None, known: BatchReport | None = None
) -> Turn | FeedCause:
    """Return what a batch is, or why it is refused."""
    try:
        return judge_turn(described, progress, known)
    except FeedRefused as error:
        return error.cause


MINE, YOURS = manifest(sequence=5), manifest(sequence=5, batch=OTHER)


@pytest.mark.parametrize(
    ("described", "progress", "known", "expected"),
    [
        (manifest(), None, None, Turn.TAKE),
        (manifest(sequence=2), None, None, FeedCause.BATCH_GAP),
        # after batch 4 was finished
        (MINE, came(4, YOURS, finished=True), None, Turn.TAKE),
        (manifest(sequence=6), came(4, YOURS, finished=True), None, FeedCause.BATCH_GAP),
        (MINE, came(4, YOURS, finished=True), reported(MINE, BatchState.REFUSED), Turn.AGAIN),
        (MINE, came(4, YOURS, finished=True), reported(YOURS, BatchState.REFUSED), Turn.TAKE),
        # after this one was finished
        (MINE, came(5, MINE, finished=True), reported(MINE), Turn.AGAIN),
        (MINE, came(5, YOURS, finished=True), reported(YOURS), FeedCause.BATCH_CONFLICT),
        (MINE, came(5, YOURS, finished=True), None, FeedCause.BATCH_OLD),
        # long after
        (MINE, came(9, YOURS, finished=True), reported(MINE), Turn.AGAIN),
        (MINE, came(9, YOURS, finished=True), reported(YOURS), FeedCause.BATCH_CONFLICT),
        (MINE, came(9, YOURS, finished=True), None, FeedCause.BATCH_OLD),
        # while one is being applied
        (MINE, came(5, MINE, finished=False), None, Turn.CONTINUE),
        (MINE, came(5, YOURS, finished=False), None, FeedCause.BATCH_BUSY),
        (manifest(sequence=6), came(5, MINE, finished=False), None, FeedCause.BATCH_BUSY),
        (manifest(sequence=4), came(5, MINE, finished=False), None, FeedCause.BATCH_OLD),
        (
            manifest(sequence=4),
            came(5, MINE, finished=False),
            reported(manifest(sequence=4)),
            Turn.AGAIN,
        ),
    ],
)
def test_whose_turn_it_is(
    described: BatchManifest,
    progress: SourceProgress | None,
    known: BatchReport | None,
    expected: Turn | FeedCause,
) -> None:
    """Duplicate, late, early, out of order: each has its one answer."""
    assert turn(described, progress, known) == expected


def test_only_the_next_number_is_ever_taken() -> None:
    """Over numbers, states and what is known: TAKE means last + 1, and nothing under way."""
    for last, number, finished in itertools.product(range(1, 5), range(1, 7), (True, False)):
        progress = came(last, YOURS, finished=finished)
        for known in (None, reported(manifest(sequence=number, batch=OTHER))):
            if turn(manifest(sequence=number), progress, known) is Turn.TAKE:
                assert finished
                assert number == last + 1


def test_progress_counts_and_finishes() -> None:
    """Steps add up; finishing extends the chain and never sets freshness back."""
    begun = begin(manifest(), None)
    stepped = step(step(begun, line=10, applied=8, older=2), line=12, applied=2, older=0)
    assert (stepped.line, stepped.applied, stepped.older, stepped.finished) == (12, 10, 2, False)
    done = finish(stepped, fed=NOW, observed=NOW - 9, now=NOW + 1)
    assert done.chain == next_chain(FIRST_CHAIN.hex(), 1, manifest().digest.hex())
    again = finish(begin(manifest(sequence=2), done), fed=NOW - 100, observed=0, now=NOW + 2)
    assert (again.fed, again.observed, again.at) == (NOW, NOW - 9, NOW + 2)
    assert (again.applied, again.older) == (0, 0)


def test_a_batch_signed_again_is_the_same_batch() -> None:
    """Only the time of signing may differ."""
    assert manifest().same_batch(manifest(iat=NOW + 60))
    assert not manifest().same_batch(manifest(lines=1))

"""The way of a file to the issuing process: batches one after the other, each until it is answered.

A batch is always made of the same lines, also by a later command, so that the issuing process knows
it again. Who is away or busy is asked again; what was acknowledged is on disk before the next.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from deploy.bulk.journal import BulkProgress, Journal
from deploy.bulk.lines import FileLine, LineFile
from deploy.local.doors import Doors
from deploy.local.errors import AwayError, LocalError, UsageError

BATCH: Final = 1_000
"""Lines read for one batch; those that are refused here are not sent."""
PATIENCE_S: Final = 60.0
"""Longest wait for an issuing process or a store that is away."""
_AGAIN_S: Final = 0.25


async def issue_all(
    doors: Doors, source: LineFile, journal: Journal, *, moved: Callable[[BulkProgress], None]
) -> BulkProgress:
    """Issue to everybody in a file; `moved` hears after each batch.

    Raises:
        UsageError: the file is not the one that this job began with.
        LocalError: the issuing process stayed away, or knows the job otherwise.
    """
    lines = source.lines()
    if journal.progress.finished:
        return journal.progress
    _skip(lines, source, journal.progress)
    moved(journal.progress)
    while chunk := list(itertools.islice(lines, BATCH)):
        await _batch(doors, source, journal, chunk)
        moved(journal.progress)
    journal.keep(msgspec.structs.replace(journal.progress, finished=True), (), ())
    return journal.progress


def _skip(lines: Iterator[FileLine], source: LineFile, progress: BulkProgress) -> None:
    """Read again what is done, and see that it is what it was."""
    for _ in itertools.islice(lines, progress.lines):
        pass
    if progress.lines and (source.octets, source.digest) != (progress.octets, progress.digest):
        raise UsageError("this is not the file that the job began with; use other output files")


async def _batch(
    doors: Doors, source: LineFile, journal: Journal, chunk: Sequence[FileLine]
) -> None:
    before = journal.progress
    sent = [line for line in chunk if line.refused is None]
    answers: list[tuple[int, bytes, bool]] = [
        (line.number, msgspec.json.encode(line.refused), False)
        for line in chunk
        if line.refused is not None
    ]
    if sent:
        body = b"\n".join((*(line.body for line in sent), b""))
        found = await _asked(doors, before.job, before.batch, body, len(sent))
        answers += [
            (line.number, data, b'"code":' not in data)
            for line, data in zip(sent, found, strict=True)
        ]
        answers.sort()
    issued = [data for _, data, good in answers if good]
    refused = [data for _, data, good in answers if not good]
    after = msgspec.structs.replace(
        before,
        batch=before.batch + bool(sent),
        lines=before.lines + len(chunk),
        octets=source.octets,
        digest=source.digest,
        issued=before.issued + len(issued),
        known=before.known + sum(b'"new":false' in data for data in issued),
        refused=before.refused + len(refused),
    )
    journal.keep(after, issued, refused)


async def _asked(doors: Doors, job: str, batch: int, body: bytes, count: int) -> list[bytes]:
    """Ask until the whole answer is there; returns its lines without the last."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            status, answer = await doors.issue_bulk(job, batch, body)
        except AwayError:
            status, answer = HTTPStatus.SERVICE_UNAVAILABLE, b""
        lines = answer.splitlines()
        if status == HTTPStatus.OK and _is_whole(lines, batch, count):
            return lines[:-1]
        if status not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
            raise LocalError(f"the issuing process refused batch {batch}: {_code(answer, status)}")
        if time.monotonic() > deadline:
            raise LocalError(
                "the issuing process is away; give the same command again when it is ready"
            )
        await asyncio.sleep(_AGAIN_S)


def _is_whole(lines: Sequence[bytes], batch: int, count: int) -> bool:
    if len(lines) != count + 1:
        return False
    try:
        end: Any = msgspec.json.decode(lines[-1])
    except msgspec.DecodeError:
        return False
    return isinstance(end, dict) and end.get("batch") == batch


def _code(answer: bytes, status: int) -> str:
    try:
        found: Any = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return str(status)
    return str(found.get("code", status)) if isinstance(found, dict) else str(status)

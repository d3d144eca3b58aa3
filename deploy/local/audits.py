"""The audit logs of a data folder, read by people: checked as a whole, or shown.

Reading takes no lock: an entry that is being written meanwhile may look torn; ask again.
"""

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.account import as_caller, open_named
from deploy.local.errors import UsageError
from verifier.contract.audit import (
    MAX_LINE_BYTES,
    AuditEntry,
    AuditFlaw,
    AuditHead,
    AuditVerdict,
    read_line,
    verify,
)
from verifier.contract.errors import MalformedError

MAX_HEAD_BYTES: Final = 256
"""Bytes of a head file."""
_HEAD: Final = re.compile(r"([1-9][0-9]{0,15}):([0-9a-f]{64})")

EXPLAINED: Final[Mapping[AuditFlaw, str]] = {
    AuditFlaw.FORM: "not an entry as it is written",
    AuditFlaw.HASH: "the entry was changed after it was written",
    AuditFlaw.CHAIN: "it does not follow the line before: one was taken out, put in or moved",
    AuditFlaw.PROCESS: "an entry of another process's log",
    AuditFlaw.TORN: "the last line is cut off: the process was interrupted, or is writing now",
    AuditFlaw.SHORT: "entries are missing from here on: the log ends before its head",
    AuditFlaw.FORK: "another entry than the one whose head was noted",
}
"""What each flaw means, for people."""


def logs(data: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """Return the logs that are meant; one that is gone but for its head too.

    Raises:
        UsageError: there are none.
    """
    # Each process has a folder; in one of an older schema they lie side by side.
    heads = (path.with_suffix(".ndjson") for path in (data / "audit").rglob("*.head"))
    found = tuple(files) or tuple(sorted({*heads, *(data / "audit").rglob("*.ndjson")}))
    if not found:
        raise UsageError(f"no audit logs in {data / 'audit'}; name the data folder with --data")
    return found


def verified(paths: Sequence[Path], head: str | None) -> Iterator[tuple[Path, AuditVerdict]]:
    """Check each log against its head: the one given (NUMBER:HASH), or the one noted beside it.

    Raises:
        UsageError: a file cannot be read, or the head is none, or of several files.
    """
    stated = None if head is None else _stated(head)
    if stated is not None and len(paths) != 1:
        raise UsageError("--head belongs to one log; name that file")
    for path in paths:
        # The head first: an entry that is added meanwhile then only makes the log longer.
        noted = _noted(path) if stated is None else stated
        # A copy may have any name; a log beside its head is its process's.
        with as_caller(path):
            process = path.stem if path.with_suffix(".head").exists() else None
        yield path, verify(_lines(path), process=process, head=noted)


def entries(
    paths: Sequence[Path], *, person: str | None, ref: str | None, last: int
) -> list[AuditEntry]:
    """Return the last entries of several logs by their time; lines that are none are left out."""
    every = (
        entry
        for path in paths
        for entry in _entries(path)
        if person in (None, entry.person) and ref in (None, entry.ref)
    )
    newest = heapq.nlargest(last, enumerate(every), key=lambda row: (row[1].at, row[0]))
    return [entry for _, entry in reversed(newest)]


def _entries(path: Path) -> Iterator[AuditEntry]:
    for line in _lines(path):
        try:
            yield read_line(line)
        except MalformedError:
            continue


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with open_named(path) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                yield line
    except FileNotFoundError as error:
        with as_caller(path):
            headed = path.with_suffix(".head").exists()
        if not headed:
            raise UsageError(f"no file {path}") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _noted(path: Path) -> AuditHead | None:
    """Return the head noted beside a log; None: there is none, as beside a copy."""
    try:
        with open_named(path.with_suffix(".head")) as file:
            content = file.read(MAX_HEAD_BYTES)
        return msgspec.json.decode(content, type=AuditHead)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"cannot read {path.with_suffix('.head')}") from error


def _stated(text: str) -> AuditHead:
    found = _HEAD.fullmatch(text)
    if found is None:
        raise UsageError("--head is NUMBER:HASH, as `kapok audit verify` prints it")
    return AuditHead(int(found[1]), found[2])

"""The writer of audit logs, with the format of both services: what a start goes on from."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from runtime.audit import AuditError, AuditLog
from tests.support.small_disk import AS_ROOT, fill, make_room, small_disk
from verifier.contract import audit as audit_format
from verifier.contract.audit import Act, AuditAction, AuditHead, verify
from verifier.contract.errors import MalformedError

ACT = Act(action=AuditAction.RESOLVE, person="ling", ref="a1")
Open = Callable[[], Any]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Yield what opens the log of one process, its clock counting up."""
    clock, logs = count(1_790_000_000_000), []

    def open_log() -> Any:
        log = AuditLog(tmp_path, "fleet", lambda: next(clock), audit_format)
        log.open()
        logs.append(log)
        return log

    yield open_log
    for log in logs:
        log.close()


def held(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of the log, which holds against its head."""
    lines = (folder / "fleet.ndjson").read_bytes().splitlines(keepends=True)
    head = AuditHead(*json.loads((folder / "fleet.head").read_bytes()))
    assert verify(lines, process="fleet", head=head).flaw is None
    return [json.loads(line) for line in lines]


def test_a_log_goes_on_after_a_start(opened: Open, tmp_path: Path) -> None:
    """One chain, its head beside it, both for nobody else to read."""
    for _ in range(3):
        log = opened()
        log.write(ACT)
        log.write(ACT)
        log.close()
    entries = held(tmp_path)
    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert {path.stat().st_mode & 0o77 for path in tmp_path.iterdir()} == {0}
    assert {path.name for path in tmp_path.iterdir()} == {"fleet.ndjson", "fleet.head"}


def test_many_threads_write_one_chain(opened: Open, tmp_path: Path) -> None:
    """Each entry whole, none twice."""
    log = opened()
    threads = [
        threading.Thread(target=lambda: [log.write(ACT) for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held(tmp_path)) == 80


def test_a_log_is_one_process_s(opened: Open) -> None:
    """The second opener is refused, and nothing was done to the log."""
    log = opened()
    with pytest.raises(AuditError):
        opened()
    log.write(ACT)
    log.close()
    opened().write(ACT)


def test_a_torn_last_line_is_set_aside(opened: Open, tmp_path: Path) -> None:
    """Kept byte for byte, and said in the next entry."""
    log = opened()
    log.write(ACT)
    log.close()
    with (tmp_path / "fleet.ndjson").open("ab") as file:
        file.write(b'{"seq":2,\x00\x00')
    opened().write(ACT)
    _, torn, after = held(tmp_path)
    assert (torn["action"], after["action"]) == ("audit.torn", "scan.resolve")
    assert (tmp_path / torn["subject"]).read_bytes() == b'{"seq":2,\x00\x00'


def test_a_killed_process_loses_its_head_at_most(opened: Open, tmp_path: Path) -> None:
    """A log is continued when its head is one entry behind, or missing beside the first entry."""
    log = opened()
    log.write(ACT)
    first = (tmp_path / "fleet.head").read_bytes()
    log.write(ACT)
    log.close()
    (tmp_path / "fleet.head").write_bytes(first)
    opened().write(ACT)
    assert len(held(tmp_path)) == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it.write_bytes(it.read_bytes().replace(b"ling", b"hao!", 1)),
        lambda it: it.write_bytes(b"".join(it.read_bytes().splitlines(keepends=True)[1:])),
        lambda it: it.write_bytes(b"".join(it.read_bytes().splitlines(keepends=True)[:-1])),
        lambda it: it.write_bytes(it.read_bytes()[:-5]),
        lambda it: it.unlink(),
        lambda it: it.with_suffix(".head").unlink(),
        lambda it: it.with_suffix(".head").write_bytes(b"{"),
        lambda it: it.write_bytes(it.read_bytes() + b"\n"),
    ],
    ids=("changed", "first", "last", "cut", "gone", "headless", "head", "blank"),
)
def test_what_does_not_hold_is_not_gone_on_from(
    opened: Open, tmp_path: Path, spoil: Callable[[Path], Any]
) -> None:
    """Nothing is written, also not by who tries all the same."""
    log = opened()
    for _ in range(3):
        log.write(ACT)
    log.close()
    path = tmp_path / "fleet.ndjson"
    spoil(path)
    before = path.read_bytes() if path.exists() else b""
    with pytest.raises(AuditError):
        opened()
    refused = AuditLog(tmp_path, "fleet", lambda: 0, audit_format)
    with pytest.raises(AuditError):
        refused.write(ACT)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.torn-*"))


def test_a_log_that_cannot_be_written_ends(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed sync nothing more is written; the next start finds out what is there."""
    log = opened()
    log.write(ACT)

    def failing(_: int) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(AuditError):
            log.write(ACT)
    with pytest.raises(AuditError):
        log.write(ACT)
    assert not log.writable
    opened().write(ACT)
    assert len(held(tmp_path)) == 3


def test_an_act_that_cannot_be_said_is_not_written(opened: Open, tmp_path: Path) -> None:
    """And the log goes on."""
    log = opened()
    with pytest.raises(MalformedError):
        log.write(Act(action=AuditAction.RESOLVE, person="王"))
    log.write(ACT)
    assert len(held(tmp_path)) == 1


def refused_on_a_full_disk(log: Any) -> None:
    """Write until the last block, which has room for some entries, takes no more."""
    for _ in range(100):
        try:
            log.write(ACT)
        except AuditError:
            return
    raise AssertionError("the disk takes what it has no room for")


@AS_ROOT
def test_a_log_on_a_full_disk_opens_again_by_itself(tmp_path: Path) -> None:
    """Entries are refused while the disk is full; with room made the chain goes on, no restart."""
    with small_disk(tmp_path / "disk", 2**20) as disk:
        log = AuditLog(disk, "fleet", lambda: 1_790_000_000_000, audit_format)
        log.open()
        log.write(ACT)
        fill(disk)
        refused_on_a_full_disk(log)
        assert not log.writable
        make_room(disk)
        deadline = time.monotonic() + 10
        while not log.writable and time.monotonic() < deadline:
            time.sleep(0.05)
        assert log.writable
        log.write(ACT)
        log.close()
        entries = held(disk)
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))


@AS_ROOT
def test_a_log_that_was_cut_meanwhile_does_not_open_again(tmp_path: Path) -> None:
    """The process knows what it wrote: log and head of an hour ago are no log of its own."""
    with small_disk(tmp_path / "disk", 2**20) as disk:
        log = AuditLog(disk, "fleet", lambda: 1_790_000_000_000, audit_format)
        log.open()
        log.write(ACT)
        older = {path: path.read_bytes() for path in disk.iterdir()}
        log.write(ACT)
        fill(disk)
        refused_on_a_full_disk(log)
        make_room(disk)
        for path, content in older.items():
            path.write_bytes(content)
        with pytest.raises(AuditError):
            log.open()
        log.close()

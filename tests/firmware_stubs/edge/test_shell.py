"""The shell: a disk that fails for a moment, a line that is lost in the middle, a power cut."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from firmware_stubs import events
from firmware_stubs.edge.disk.storage import SqliteStorage, open_storage
from firmware_stubs.edge.executor import DiskThread
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.edge.shell import Shell
from firmware_stubs.storage import StorageError
from fleet.contract.commands import CommandType, ResultState
from fleet.contract.messages import Command, Epoch, Result
from tests.support.publisher import EDITION
from tests.support.terminal_state import new_scan

EPOCH = Epoch(1, 1)


def settings_in(folder: Path) -> TerminalSettings:
    """Make the settings of a terminal without lines."""
    (folder / "root").write_bytes(EDITION.root())
    given: dict[str, Any] = {
        "terminal": "hall-1-east",
        "place": "hall-1",
        "gate": "east",
        "direction": "in",
        "state": str(folder / "state"),
        "socket": "s",
        "key": "k",
        "certificate": "c",
        "root": str(folder / "root"),
        "verifier": {"url": "https://127.0.0.1:1", "ca": "ca"},
        "broker": {"host": "127.0.0.1", "port": 1, "ca": "ca"},
        "gate_open_s": 0.01,
    }
    return msgspec.convert(given, TerminalSettings)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    """Open a terminal's folder."""
    opened = open_storage(settings_in(tmp_path), wall=0.0)
    yield opened
    opened.close()


async def ready(storage: SqliteStorage, folder: Path) -> Shell:
    """Return a shell whose machine takes commands."""
    shell = Shell(settings_in(folder), storage, DiskThread(), structlog.get_logger())
    await shell.dispatch(events.StateLoaded(identity=True, suspended=False, ring=(), scans=()))
    return shell


def told(shell: Shell) -> events.CommandArrived:
    """Make an open_gate that has just come."""
    now = int(shell.now() * 1000)
    command = Command(
        id="0" * 32, type=CommandType.OPEN_GATE, issued_at=now - 10, expires_at=now + 60_000
    )
    return events.CommandArrived(command=command, retained=False, clock_sure=True)


def said(storage: SqliteStorage) -> list[ResultState]:
    """Return what is kept for the fleet of the command."""
    kept = storage.messages.kept(EPOCH, "0" * 32)
    return [word.state for word in kept if isinstance(word, Result)]


def test_what_the_power_took_is_never_called_a_denial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan without a decision: the process died, then the machine; only the first is a denial."""
    scan = new_scan(1, "CC1:ASKED")
    settings = settings_in(tmp_path)
    for machine, left in (("one", []), ("one", [scan.scan_id]), ("two", [])):
        (tmp_path / "boot").write_text(machine)
        monkeypatch.setattr("firmware_stubs.edge.disk.facts._MACHINE_START", tmp_path / "boot")
        opened = open_storage(settings, wall=0.0)
        assert [found.scan_id for found in opened.records.recent(scan.at)] == left
        opened.records.note(scan)
        opened.close()


def test_a_command_that_could_not_be_written_is_done_when_it_comes_again(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    """Nothing was begun, so the repetition is no repetition; a third one is."""

    async def scenario() -> None:
        shell = await ready(storage, tmp_path)
        execute = storage.database.connection.execute
        await shell.executor.ask(execute, "PRAGMA query_only=ON")
        with pytest.raises(StorageError):
            await shell.command(told(shell))
        assert shell.gate.openings == 0
        await shell.executor.ask(execute, "PRAGMA query_only=OFF")
        for _ in range(2):
            await shell.command(told(shell))
        assert shell.gate.openings == 1
        shell.gate.close()
        await shell.finish()
        shell.executor.close()

    asyncio.run(scenario())
    assert said(storage) == [ResultState.RUNNING, ResultState.SUCCEEDED]


def test_a_command_is_seen_through_when_the_line_is_lost(
    storage: SqliteStorage, tmp_path: Path
) -> None:
    """Lost between `started` and the act: the gate opens, and the result waits for the fleet."""

    async def scenario() -> None:
        shell = await ready(storage, tmp_path)
        busy_until = threading.Event()
        busy = asyncio.ensure_future(shell.executor.ask(busy_until.wait))
        line = asyncio.ensure_future(shell.command(told(shell)))
        await asyncio.sleep(0)
        line.cancel()
        with pytest.raises(asyncio.CancelledError):
            await line
        busy_until.set()
        await busy
        await shell.finish()
        assert shell.gate.openings == 1
        shell.gate.close()
        shell.executor.close()

    asyncio.run(scenario())
    assert said(storage) == [ResultState.RUNNING, ResultState.SUCCEEDED]

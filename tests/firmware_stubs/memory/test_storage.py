"""A terminal without a disk: the same shell and loops on storage in memory, no thread, no file."""

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from firmware_stubs import actions, events
from firmware_stubs.edge import steady
from firmware_stubs.edge.executor import SameThread
from firmware_stubs.edge.loops.uploads import Uploader
from firmware_stubs.edge.shell import Shell
from firmware_stubs.memory.storage import MemoryStorage
from firmware_stubs.terminal import State
from tests.support.city import GRANT, City
from tests.support.publisher import NOW
from tests.support.terminal_state import bundles_of
from tests.support.terminal_storage import memory_storage, storage_settings
from verifier.contract.reasons import Reason
from verifier.contract.scan import UploadAnswer, UploadRecord, UploadResult
from verifier.contract.vocabulary import Outcome


class _Centre:
    """A centre that takes uploads; its answers say `stored`."""

    def __init__(self) -> None:
        self.uploaded: list[UploadRecord] = []
        self.confirmed = asyncio.Event()

    @property
    def store(self) -> str:
        """Name the store; it is asked for once an upload is acknowledged."""
        if self.uploaded:
            self.confirmed.set()
        return "store"

    async def upload(self, records: tuple[UploadRecord, ...]) -> UploadAnswer:
        """Take records."""
        self.uploaded += records
        return UploadAnswer(
            results=tuple(
                UploadResult(scan_id=each.scan_id, stored=True, code="stored") for each in records
            )
        )


def equipped() -> MemoryStorage:
    """Make a storage with a sure clock and bundles to decide by."""
    storage = memory_storage(entries=1000)
    storage.clock.observe(date=NOW, sent=NOW - 0.1, received=NOW)
    storage.bundles = bundles_of(max_status_age=86_400)
    return storage


def shell_on(storage: MemoryStorage, folder: Path) -> Shell:
    """Make the shell of a terminal that stands where the city's grant says."""
    settings = msgspec.structs.replace(
        storage_settings(folder, entries=1000),
        terminal=GRANT.terminal,
        place=GRANT.place,
        gate=GRANT.gate,
        direction=GRANT.direction,
    )
    return Shell(settings, storage, SameThread(), structlog.get_logger())


def test_a_terminal_in_memory_decides_offline_and_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good code passes once while nobody is there; both decisions go up once somebody is."""
    monkeypatch.setattr(steady, "wall", lambda: float(NOW))
    threads = threading.active_count()

    async def scene() -> None:
        storage = equipped()
        shell = shell_on(storage, tmp_path)
        await shell.dispatch(events.Equipped(usable=storage.bundles.usable))
        await shell.dispatch(
            events.StateLoaded(
                identity=True,
                suspended=storage.facts.suspended(),
                ring=storage.messages.ring(),
                scans=storage.records.recent(shell.now()),
            )
        )
        await shell.dispatch(events.Switched(cut=True))
        first = await shell.scan((City().text(),))
        second = await shell.scan((City(shown_at=NOW - 1).text(),))
        assert isinstance(first, actions.Show)
        assert isinstance(second, actions.Show)
        assert (first.answer.decision, first.online) == (Outcome.PASS, False)
        assert second.answer.reason is Reason.USE_REPLAYED
        assert shell.gate.openings == 1

        centre: Any = _Centre()
        shell.centre = centre
        uploader = asyncio.ensure_future(Uploader(shell).run())
        await shell.dispatch(events.Switched(cut=False))
        while shell.machine.state is not State.ONLINE:
            await shell.dispatch(events.Probed(ok=True, seconds=0.01))
        shell.upload()
        async with asyncio.timeout(10):
            await centre.confirmed.wait()
        assert storage.records.next() == ()
        assert [(each.scan_id, each.decision) for each in centre.uploaded] == [
            (first.answer.scan_id, Outcome.PASS),
            (second.answer.scan_id, Outcome.DENY),
        ]
        assert shell.counters["outbox.uploaded"] == 2
        assert threading.active_count() == threads
        uploader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await uploader
        shell.gate.close()
        await shell.finish()

    asyncio.run(scene())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]

"""Uploading: takes what waits in the outbox to the centre, in order, while it is there."""

import asyncio
import random
import time
from http import HTTPStatus
from typing import Final

from firmware_stubs.backoff import Backoff
from firmware_stubs.edge.centre import CentreUnusableError
from firmware_stubs.edge.loops.bell import IDLE_S, Bell, ask_beside
from firmware_stubs.edge.shell import Shell
from firmware_stubs.outbox import Fate, batch, fates
from firmware_stubs.terminal import State
from verifier.contract.scan import UploadAnswer, UploadRecord

UPLOAD_LIMIT_S: Final = 60.0
"""Seconds; longest wait between tries of an upload."""
_POISON: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
"""What the centre says of an upload that it cannot even read."""


class Uploader:
    """Uploads what waits in the outbox."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._bell = Bell()
        self._most = 0
        """Records in the next upload; 0: as many as the policy allows."""
        self._backoff = Backoff(random=random.random, spread_s=1.0, limit_s=UPLOAD_LIMIT_S)
        shell.upload = self._bell.ring
        # What waited before the restart goes first.
        self._bell.ring()

    async def run(self) -> None:
        """Upload while the terminal is online."""
        while True:
            await self._bell.wait(IDLE_S)
            while self._shell.machine.state is State.ONLINE:
                moved = await self._once()
                if moved is None:
                    break
                if moved:
                    self._backoff.reset()
                else:
                    await asyncio.sleep(self._backoff.wait(time.monotonic()))

    async def _once(self) -> bool | None:
        """Upload one batch; None: nothing waits, False: it did not work."""
        shell = self._shell
        records = await shell.executor.ask(self._next)
        if not records:
            return None
        try:
            answer = await ask_beside(shell, lambda centre: centre.upload(records))
        except CentreUnusableError as error:
            return await self._unusable(records, error)
        return False if answer is None else await self._answered(records, answer)

    def _next(self) -> tuple[UploadRecord, ...]:
        records = self._shell.storage.records
        numbers = batch(records.next())
        return records.read(numbers[: self._most] if self._most else numbers)

    async def _answered(self, records: tuple[UploadRecord, ...], answer: UploadAnswer) -> bool:
        shell = self._shell
        found = fates([record.scan_id for record in records], answer.results)
        told = [
            record.scan_id
            for record, fate in zip(records, found, strict=True)
            if fate is not Fate.WAITS
        ]
        for result, fate in zip(answer.results, found, strict=False):
            if fate is Fate.REFUSED:
                shell.counters["outbox.refused"] += 1
                shell.log.error("upload.refused", scan_id=result.scan_id, code=result.code)
            if result.incident is not None:
                shell.log.warning(
                    "upload.incident", scan_id=result.scan_id, incident=result.incident
                )
        if not told:
            return False
        await shell.executor.ask(shell.storage.records.acknowledge, told, shell.now())
        shell.counters["outbox.uploaded"] += len(told)
        self._most = 0
        await shell.confirmed()
        return True

    async def _unusable(
        self, records: tuple[UploadRecord, ...], error: CentreUnusableError
    ) -> bool:
        """Find the one record that spoils an upload: halve, and in the end refuse it alone."""
        shell = self._shell
        shell.log.error("upload.unusable", records=len(records), error=str(error))
        if error.status not in _POISON:
            return False
        if len(records) > 1:
            self._most = len(records) // 2
            return True
        shell.counters["outbox.refused"] += 1
        await shell.executor.ask(
            shell.storage.records.acknowledge, [records[0].scan_id], shell.now()
        )
        return True

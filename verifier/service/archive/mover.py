"""One look at the store: every closed hour's entries into a part, the old days' ends, the rewrite.

Done again and again; each step leaves the folder whole, so that a kill costs nothing but a look.
Time is the store's own, as the hours' names are; while it is another than ours, it made a step, and
ours counts. What cannot be undone goes by the time that has surely passed (`archive.passed`): the
end of days and keys, and taking out of the store what was moved.
"""

import time
from contextlib import aclosing
from pathlib import Path
from typing import Final

from msgspec import structs
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.disk import sync_folder
from runtime.logs import Log
from verifier.archive.columns import PartWriter
from verifier.archive.hours import (
    HOUR_MS,
    HOURS,
    KEEP_DAYS,
    day_name,
    day_named,
    day_of,
    hour_name,
    is_over,
    newest_closed,
    oldest_left,
    oldest_whole,
    waiting,
)
from verifier.archive.manifest import ArchiveProgress, advanced
from verifier.archive.passed import PassedTime
from verifier.service.archive.folder import FolderError, RecordsFolder
from verifier.service.store.aof_rewrite import RewriteError, rewrite_file
from verifier.service.store.moments import store_ms
from verifier.service.store.record_hours import is_empty, read_hour, remove_hour

REWRITE_EVERY_S: Final = 86_400
"""Seconds between two rewrites of the store's file."""
CLEARED_AT_ONCE: Final = KEEP_DAYS * HOURS
"""Hours taken out of the store at one look; after a long absence the next look goes on."""
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""Names a start of the machine."""


class Moving:
    """Moves records, and ends what was kept long enough."""

    def __init__(self, redis: Redis, folder: RecordsFolder, person_keys: Path, log: Log) -> None:
        self._redis = redis
        self._folder = folder
        self._person_keys = person_keys
        self._log = log
        self.progress: ArchiveProgress | None = None
        self.now_ms = 0
        """Of the store at the last look; 0 before."""
        self.passed: PassedTime | None = None
        """What had surely passed at the last look."""
        self.held = 0
        """Days and keys that would end by the clock, and not by what has passed."""
        self.problems: dict[str, str] = {}
        """By code: what keeps records from being moved or ended."""
        self.moved = self.unread = self.parts = self.days_destroyed = self.keys_destroyed = 0

    @property
    def waiting(self) -> int:
        """Closed hours that are not moved yet."""
        return 0 if self.progress is None else waiting(self.progress.through, self.now_ms)

    async def look(self) -> None:
        """Do all that there is to do; what cannot be done stands in `problems`."""
        try:
            self.now_ms = await store_ms(self._redis)
            await self._move()
            await self._clear()
            self.problems.pop("archive.store", None)
            self.problems.pop("archive.disk", None)
        except (RedisError, ConnectionError) as error:
            self._problem(
                "archive.store", f"Redis does not answer ({type(error).__name__}): repair it"
            )
            return
        except (OSError, FolderError) as error:
            self._problem("archive.disk", f"{error}: make room, or repair the records folder")
        self._end_days()
        await self._rewrite()

    async def _move(self) -> None:
        newest, whole_from = newest_closed(self.now_ms), oldest_whole(self.now_ms)
        before = self._folder.progress()
        if before is None:
            # Whoever begins today has lost nothing of yesterday.
            before = ArchiveProgress(through=min(newest, whole_from - 1))
        self._look_at_time(before.passed)
        self.progress = before = self._not_ahead(before)
        # What waits stays in the store until it is moved; of days that are over nothing is moved.
        first = max(before.through + 1, (self._today() - KEEP_DAYS) * HOURS)
        for hour in range(min(first, oldest_left(self.now_ms)), newest + 1):
            # Hours that were moved are looked at too: a clock that was set back fills them again.
            found = await self._move_hour(hour)
            if hour > self.progress.through:
                # Of a late hour with nothing in it, nobody knows whether the store had lost it.
                self._advance(hour, hour if found else whole_from)

    def _look_at_time(self, before: PassedTime | None) -> None:
        boot = _BOOT.read_text(encoding="ascii").strip()
        steady = time.clock_gettime(time.CLOCK_BOOTTIME)
        if self.passed is None:
            self.passed = before or PassedTime(at=self.now_ms, boot=boot, steady=steady)
        self.passed = self.passed.looked(self.now_ms, boot, steady)

    def _not_ahead(self, progress: ArchiveProgress) -> ArchiveProgress:
        """Return how far the moving is without hours that have not been: a clock was ahead."""
        latest = newest_closed(max(self.now_ms, 0 if self.passed is None else self.passed.at))
        return structs.replace(progress, through=max(0, min(progress.through, latest)))

    def _today(self) -> int:
        """Return the day that it surely is: a clock that was set back again says so too."""
        passed = self.now_ms if self.passed is None else self.passed.at
        return min(passed, self.now_ms) // HOUR_MS // HOURS

    async def _clear(self) -> None:
        """Take out of the store what was moved, 26 hours after its hour; it never ends by itself.

        A stream that ended by the store's clock went with the first wrong minute of it.
        """
        progress = self.progress
        if progress is None or self.passed is None:
            return
        last = min(oldest_left(min(self.passed.at, self.now_ms)), progress.through)
        cleared = max(0, min(progress.cleared or last - CLEARED_AT_ONCE, last))
        last = max(0, min(last, cleared + CLEARED_AT_ONCE))
        for hour in range(cleared + 1, last + 1):
            if await is_empty(self._redis, hour):
                continue
            if not is_over(day_of(hour), self._today()):
                await self._move_hour(hour)  # whatever the clock was when it was looked at
            await remove_hour(self._redis, hour)
        step = None if progress.passed is None else progress.passed.step
        if last != progress.cleared or step != self.passed.step:
            self.progress = structs.replace(progress, cleared=last, passed=self.passed)
            self._folder.keep_progress(self.progress)

    def _advance(self, hour: int, whole_from: int) -> None:
        if self.progress is None:
            return
        after = advanced(self.progress, through=hour, whole_from=whole_from, now_ms=self.now_ms)
        if len(after.gaps) > len(self.progress.gaps):
            self._log.error("records.gap", hours=str(after.gaps[-1]))
        self._folder.keep_progress(after)
        self.progress = after

    async def _move_hour(self, hour: int) -> bool:
        """Move what is new in an hour; False: there is nothing."""
        async with aclosing(read_hour(self._redis, hour, self._folder.last_of(hour))) as pages:
            first = await anext(pages, None)
            if first is None:
                return False
            with self._folder.part(hour) as part:
                writer = PartWriter(part.sink, hour, part.number)
                writer.add(first)
                async for page in pages:
                    writer.add(page)
                made = part.keep(writer.close())
        self.parts += 1
        self.moved += made.holds.rows
        self.unread += made.holds.unread
        self._log.info(
            "moved", hour=hour_name(hour), part=made.holds.number, records=made.holds.rows,
            octets=made.octets, unread=made.holds.unread,
        )  # fmt: skip
        return True

    def _end_days(self) -> None:
        """Destroy the days that are over: the key first, so that no key outlives its file."""
        by_clock, held = self.now_ms // HOUR_MS // HOURS, 0
        if self.passed is None:  # nothing was looked at yet
            return
        today = self._today()
        try:
            for path in sorted(self._person_keys.glob("????-??-??.key")):
                day = day_named(path.stem)
                held += day is not None and is_over(day, by_clock) and not is_over(day, today)
                if day is not None and is_over(day, today):
                    path.unlink()
                    sync_folder(self._person_keys)
                    self.keys_destroyed += 1
                    self._log.info("key.destroyed", day=path.stem)
            for day in self._folder.days():
                held += is_over(day, by_clock) and not is_over(day, today)
                if is_over(day, today):
                    rows = self._folder.destroy(day)
                    self.days_destroyed += 1
                    self._log.info("day.destroyed", day=day_name(day), records=rows)
            self.held = held
            self.problems.pop("archive.ending", None)
        except OSError as error:
            what = f"records older than {KEEP_DAYS} days could not be deleted ({error})"
            self._problem("archive.ending", f"{what}: fix the folder's permissions")

    async def _rewrite(self) -> None:
        now_s = self.now_ms // 1000
        # A clock that was ahead at the last one has said nothing of when the next is due.
        if self.progress is None or 0 <= now_s - self.progress.rewritten < REWRITE_EVERY_S:
            return
        try:
            await rewrite_file(self._redis)
            self.progress = structs.replace(self.progress, rewritten=now_s)
            self._folder.keep_progress(self.progress)
            self.problems.pop("archive.rewrite", None)
        except (RedisError, OSError, RewriteError) as error:
            what = f"the store's file could not be rewritten ({error})"
            self._problem("archive.rewrite", f"{what}: make room on its disk")

    def _problem(self, code: str, detail: str) -> None:
        if self.problems.get(code) != detail:
            self._log.error(code, why=detail)
        self.problems[code] = detail

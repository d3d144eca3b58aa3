"""What the archive ends, it ends by the time that has passed, not by a clock that was set ahead."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from runtime.logs import open_log
from tests.support.archive_process import ArchiveHouse, archive_house, hour_now
from tests.support.async_store import with_store
from verifier.archive.hours import HOURS
from verifier.archive.manifest import ArchiveProgress
from verifier.service.archive.folder import RecordsFolder
from verifier.service.archive.mover import Moving

DAY_S = 86_400
AHEAD_DAYS = 40


@pytest.fixture
def house() -> Iterator[ArchiveHouse]:
    """Yield a store with a records folder."""
    with archive_house() as it:
        yield it


class SetAhead:
    """A store whose machine's clock was set ahead; all else is the real one's."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.days = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def time(self) -> tuple[int, int]:
        """Return the time as that machine says it."""
        seconds, micros = await self._redis.time()
        return seconds + self.days * DAY_S, micros


def test_a_clock_that_is_days_ahead_destroys_nothing(house: ArchiveHouse) -> None:
    """Keys, days, and records that wait in the store; afterwards all goes on as before."""
    hour = hour_now()
    today = hour // HOURS
    keys = [house.make_key(day) for day in (today - 20, today, today + 1)]
    old = house.make_key(today - 32)
    wanted = house.fill(hour - 1, 10)

    async def looks(redis: Redis) -> None:
        store = SetAhead(redis)
        with RecordsFolder(house.records) as folder:
            moving = Moving(store, folder, house.person_keys, open_log("archive"))  # type: ignore[arg-type]
            await moving.look()
            assert not moving.problems
            assert not old.exists()
            late = house.fill(hour, 5)
            store.days = AHEAD_DAYS
            await moving.look()
            assert [key for key in keys if not key.exists()] == []
            assert folder.days() == [(hour - 1) // HOURS]
            assert moving.progress is not None
            assert moving.progress.gaps == ()
            assert len(house.rows()) == len(wanted)
            with house.redis.client() as client:
                assert sum(client.xlen(key) for key in client.keys(f"v:*:r:{hour}")) == len(late)
            store.days = 0
            await moving.look()
            assert [key for key in keys if not key.exists()] == []

    with_store(house.redis, looks, user="archive")


def test_the_store_keeps_records_until_they_are_moved(house: ArchiveHouse) -> None:
    """However long the archive was away; then they go, 26 hours after their hour."""
    hour = hour_now()
    wanted = house.fill(hour - 60, 10, ttl_s=10_000_000) + house.fill(hour - 2, 4)
    house.records.mkdir()
    (house.records / "progress.json").write_bytes(
        msgspec.json.encode(ArchiveProgress(through=hour - 61))
    )

    async def look(redis: Redis) -> None:
        with RecordsFolder(house.records) as folder:
            await Moving(redis, folder, house.person_keys, open_log("archive")).look()

    with_store(house.redis, look, user="archive")
    assert sorted(row["scan_id"] for row in house.rows()) == sorted(wanted)
    with house.redis.client() as client:
        assert client.keys(f"v:*:r:{hour - 60}") == []
        assert len(client.keys(f"v:*:r:{hour - 2}")) == 3


def begun(house: ArchiveHouse, progress: ArchiveProgress) -> None:
    """Leave what an earlier process has noted."""
    house.records.mkdir()
    (house.records / "progress.json").write_bytes(msgspec.json.encode(progress))


def looked(house: ArchiveHouse) -> ArchiveProgress:
    """Have a new process look once; return how far it is."""

    async def look(redis: Redis) -> None:
        with RecordsFolder(house.records) as folder:
            moving = Moving(redis, folder, house.person_keys, open_log("archive"))
            await moving.look()
            assert not moving.problems

    with_store(house.redis, look, user="archive")
    found = house.progress()
    assert found is not None
    return found


def test_what_was_noted_by_a_clock_that_was_ahead_is_put_right(house: ArchiveHouse) -> None:
    """Nothing is taken away that was not moved, and the store's file is rewritten in its time."""
    hour = hour_now()
    then = hour + AHEAD_DAYS * HOURS
    wanted = house.fill(hour - 30, 10, ttl_s=10_000_000)
    begun(house, ArchiveProgress(through=then, cleared=hour - 31, rewritten=then * 3600))
    found = looked(house)
    assert [row["scan_id"] for row in house.rows()] == wanted
    with house.redis.client() as client:
        assert client.keys(f"v:*:r:{hour - 30}") == []
    assert found.through in (hour - 1, hour)
    assert abs(found.rewritten - hour * 3600) < 7200


def test_hours_cleared_by_a_clock_that_was_ahead_are_not_skipped(house: ArchiveHouse) -> None:
    """Else what comes until then stays in the store for good."""
    hour = hour_now()
    then = hour + AHEAD_DAYS * HOURS
    begun(house, ArchiveProgress(through=then, cleared=then - 26))
    assert looked(house).cleared in (hour - 26, hour - 25)


def test_a_house_that_was_off_for_long_leaves_nothing_in_the_store(house: ArchiveHouse) -> None:
    """However many hours there are since the last one that was taken away."""
    hour = hour_now()
    house.fill(hour - AHEAD_DAYS * HOURS, 10, ttl_s=10_000_000)
    begun(house, ArchiveProgress(through=hour - 3, cleared=hour - (AHEAD_DAYS + 1) * HOURS))
    while looked(house).cleared < hour - 26:
        pass
    with house.redis.client() as client:
        assert client.keys("v:*:r:*") == []
    assert house.rows() == []

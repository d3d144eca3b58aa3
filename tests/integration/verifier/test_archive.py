"""The archiving process on a real store: exactly once, whatever ends it; 31 days, then gone."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from tests.support.archive_process import ArchiveHouse, archive_house, hour_now
from tests.support.store_line import new_scan, record
from tests.support.verifier_process import eventually
from verifier.archive.columns import PartWriter
from verifier.archive.hours import HOUR_MS, HOURS, KEEP_DAYS, day_name
from verifier.archive.manifest import ArchiveProgress, DayManifest, EntryId, Gap, part_file
from verifier.archive.row import StreamEntry
from verifier.contract.amendment import Amendment, AmendmentKind
from verifier.contract.vocabulary import Answer
from verifier.service.archive.folder import RecordsFolder

KILLS = 6


@pytest.fixture
def house() -> Iterator[ArchiveHouse]:
    """Yield a store with a records folder; the process is the test's to start."""
    with archive_house() as it:
        yield it


def moved_through(house: ArchiveHouse, hour: int) -> None:
    """Wait until every hour up to this one is moved, and the store's file rewritten."""

    def done() -> bool:
        progress = house.progress()
        return progress is not None and progress.through >= hour and progress.rewritten > 0

    eventually("hours are moved", done)


def write_day(house: ArchiveHouse, day: int, scan_ids: list[bytes]) -> Path:
    """Write a day as the process does, whatever day it is; returns its folder."""
    with RecordsFolder(house.records) as folder, folder.part(day * HOURS) as part:
        writer = PartWriter(part.sink, day * HOURS, part.number)
        ms = day * HOURS * HOUR_MS
        writer.add(
            StreamEntry(0, EntryId(ms, place), b"", record(scan_id), Answer.FRESH)
            for place, scan_id in enumerate(scan_ids)
        )
        part.keep(writer.close())
    return house.records / day_name(day)


def holding(folder: Path, wanted: list[bytes]) -> set[str]:
    """Return the files below a folder in whose bytes any of the wanted stands."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(each in path.read_bytes() for each in wanted)
    }


def test_closed_hours_are_moved_once_and_the_present_one_is_left(house: ArchiveHouse) -> None:
    """In the order of time over all tags, amendments as rows; a second start moves nothing."""
    hour = hour_now()
    wanted = house.fill(hour - 25, 10, tags=(5,)) + house.fill(hour - 1, 3_000, tags=range(64))
    said = Amendment(kind=AmendmentKind.ANNULLED, by="gate-1", at=hour * HOUR_MS)
    amended = record(new_scan(), at=hour * HOUR_MS)
    wanted += house.fill(hour - 1, 1, of=[amended], start=5_000, amendment=said)
    house.fill(hour, 50)
    house.process.start()
    moved_through(house, hour - 1)
    rows = house.rows()
    assert [row["scan_id"] for row in rows] == wanted
    assert [row["amended"] for row in rows[-2:]] == [None, "annulled"]
    assert house.process.stop() == 0
    house.process.start()
    eventually("it has looked", lambda: house.process.readiness().body["known"]["rewritten"])
    assert len(house.rows()) == len(rows)
    assert house.progress().gaps == ()  # type: ignore[union-attr]


def test_what_comes_late_into_a_closed_hour_is_a_part_of_its_own(house: ArchiveHouse) -> None:
    """A clock that is set back over the turn of an hour stores into the one that was moved."""
    hour = hour_now() - 1
    wanted = house.fill(hour, 20, tags=(3,))
    house.process.start()
    moved_through(house, hour)
    house.process.kill()
    wanted += house.fill(hour, 5, tags=(3, 4), start=1_000)
    house.process.start()
    eventually("the late ones are moved", lambda: len(house.rows()) == len(wanted))
    assert sorted(row["scan_id"] for row in house.rows()) == sorted(wanted)
    assert (house.records / day_name(hour // HOURS) / part_file(hour, 2)).is_file()


def test_no_kill_loses_or_doubles_a_record(house: ArchiveHouse) -> None:
    """Killed again and again in the middle of its work, while late records come: each once."""
    source = random.Random(20_261_125)
    hour = hour_now()
    wanted = [
        scan_id
        for back in range(1, 26)
        for scan_id in house.fill(hour - back, 400, tags=tuple(range(back)))
    ]
    interrupted = 0
    for number in range(KILLS):
        moved = _moved(house)
        house.process.start(ready=False)
        eventually("it is at work", partial(_moved_more, house, moved))
        time.sleep(source.random() * 0.02)  # anywhere in its work: no event names the moment
        house.process.kill()
        progress = house.progress()
        interrupted += progress is None or progress.through < hour - 1
        wanted += house.fill(hour - 25 + number, 7, tags=(60,), start=10_000)
    assert interrupted >= KILLS // 2
    house.process.start()
    eventually("all is moved", lambda: len(house.rows()) >= len(wanted))
    counted = Counter(row["scan_id"] for row in house.rows())
    assert set(counted) == set(wanted)
    assert set(counted.values()) == {1}
    house.process.kill()
    with RecordsFolder(house.records) as folder:
        assert sum(folder.manifest(day).rows for day in folder.days()) == len(wanted)


def _moved(house: ArchiveHouse) -> int:
    """Count the parts that its starts so far have told of."""
    log = house.process.log
    return log.read_text().count('"moved"') if log.exists() else 0


def _moved_more(house: ArchiveHouse, before: int) -> bool:
    return _moved(house) > before


def test_a_part_without_its_line_is_taken_in(house: ArchiveHouse) -> None:
    """Ended between the part and the manifest, and away until the store had let the hour go."""
    hour = hour_now() - 1
    wanted = house.fill(hour, 30)
    house.process.start()
    moved_through(house, hour)
    house.process.kill()
    manifest = house.records / day_name(hour // HOURS) / "manifest.json"
    manifest.unlink()
    (manifest.parent / ".07-9.parquet.new").write_bytes(b"half a part")
    with house.redis.client() as client:
        client.flushall()
    house.process.start()
    eventually("the line is back", manifest.exists)
    assert sorted(row["scan_id"] for row in house.rows()) == sorted(wanted)
    assert not (manifest.parent / ".07-9.parquet.new").exists()


def test_whoever_comes_too_late_says_which_hours(house: ArchiveHouse) -> None:
    """After two days away the store has let a day go: a gap, kept and shown."""
    hour = hour_now()
    wanted = house.fill(hour - 1, 10)
    house.records.mkdir()
    before = ArchiveProgress(through=hour - 48)
    (house.records / "progress.json").write_bytes(msgspec.json.encode(before))
    house.process.start()
    moved_through(house, hour - 1)
    progress = house.progress()
    assert progress is not None
    (gap,) = progress.gaps
    assert gap == Gap(first=hour - 47, last=hour - 26, noticed=gap.noticed)
    assert sorted(row["scan_id"] for row in house.rows()) == sorted(wanted)
    warnings = house.process.readiness().body["warnings"]
    assert [each["code"] for each in warnings] == ["archive.gap"]


def test_it_cries_before_anything_is_lost(house: ArchiveHouse) -> None:
    """A disk that takes nothing: not ready, and later so by name; repaired, all is moved."""
    hour = hour_now()
    wanted = house.fill(hour - 1, 10)
    house.records.mkdir()
    (house.records / "progress.json").write_bytes(
        msgspec.json.encode(ArchiveProgress(through=hour - 10))
    )
    blocked = house.records / day_name((hour - 1) // HOURS)
    blocked.write_bytes(b"a file where a folder belongs")
    house.process.start(ready=False)

    def codes() -> set[str]:
        body = house.process.readiness().body
        return {each["code"] for each in body["problems"]} if body else set()

    eventually("it says what is wrong", lambda: "archive.disk" in codes())
    blocked.unlink()
    moved_through(house, hour - 1)
    assert len(house.rows()) == len(wanted)
    eventually("it is ready again", lambda: not codes())


def test_after_31_days_nothing_is_left_in_any_byte(house: ArchiveHouse) -> None:
    """The day's files, its key, and what the store's own file had kept of it."""
    today = int(time.time()) // 86_400
    old, kept = today - KEEP_DAYS - 1, today - KEEP_DAYS
    scan_ids = [new_scan() for _ in range(40)]
    other_ids = [new_scan() for _ in range(40)]
    old_key, kept_key = house.make_key(old), house.make_key(kept)
    marks = [*scan_ids, old_key.read_bytes()]
    records = [record(scan_id) for scan_id in scan_ids]
    house.fill(hour_now() - 1, 40, of=records, ttl_s=3600)
    with house.redis.client() as client:  # as the store lets them go after 26 hours
        for key in client.keys("v:*"):
            client.pexpire(key, 1)
        eventually("the store has let them go", lambda: not client.keys("v:*"))
    day, kept_day = write_day(house, old, scan_ids), write_day(house, kept, other_ids)
    found = holding(house.folder, marks)
    assert any("appendonly" in name for name in found)
    assert any(name.endswith(".key") for name in found)
    house.process.start()
    moved_through(house, hour_now() - 1)
    assert not day.exists()
    assert not old_key.exists()
    assert holding(house.folder, marks) == set()
    assert kept_key.exists()
    manifest = msgspec.json.decode((kept_day / "manifest.json").read_bytes(), type=DayManifest)
    assert manifest.rows == len(other_ids)

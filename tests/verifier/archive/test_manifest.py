import pytest

from verifier.archive.manifest import (
    MAX_GAPS,
    ArchiveProgress,
    Contents,
    DayManifest,
    DayPart,
    EntryId,
    Gap,
    advanced,
    entry_id,
    last_ids,
    next_number,
    part_file,
)
from verifier.contract.errors import MalformedError

DAY_HOURS = 498_768


def part(hour: int, number: int, **last: str) -> DayPart:
    """Describe a part."""
    holds = Contents(hour=DAY_HOURS + hour, number=number, rows=3, unread=0, last=last)
    return DayPart(file=holds.file, octets=10, sha256="0" * 64, holds=holds)


def test_ids_are_ordered_by_number_and_not_by_letter() -> None:
    """9-0 comes before 10-0."""
    assert entry_id("9-10") < entry_id("10-0")
    assert entry_id("10-2") < entry_id("10-10")
    assert str(entry_id("10-2")) == "10-2"


@pytest.mark.parametrize("text", ["", "12", "a-1", "1-b"])
def test_what_is_no_id_is_refused(text: str) -> None:
    """Never taken for the beginning of a stream."""
    with pytest.raises(MalformedError):
        entry_id(text)


def test_an_hour_goes_on_behind_all_its_parts() -> None:
    """The newest id of each tag over the parts, and the next number."""
    parts = (part(1, 1, **{"0a": "5-0", "3f": "7-1"}), part(1, 2, **{"0a": "6-0"}), part(2, 1))
    assert last_ids(parts, DAY_HOURS + 1) == {10: EntryId(6, 0), 63: EntryId(7, 1)}
    assert last_ids(parts, DAY_HOURS + 3) == {}
    assert [next_number(parts, DAY_HOURS + hour) for hour in (1, 2, 3)] == [3, 2, 1]


def test_a_manifest_lists_its_parts_by_hour_and_number() -> None:
    """In whatever order they came."""
    manifest = DayManifest(day="2026-11-25")
    for hour, number in ((7, 1), (3, 2), (3, 1)):
        manifest = manifest.with_part(part(hour, number))
    names = [each.file for each in manifest.parts]
    assert names == [part_file(3, 1), part_file(3, 2), part_file(7, 1)]
    assert (manifest.rows, manifest.octets) == (9, 30)


def test_hours_that_came_in_time_leave_no_gap() -> None:
    """The store had let nothing go."""
    after = advanced(ArchiveProgress(through=99), through=100, whole_from=90, now_ms=1)
    assert after == ArchiveProgress(through=100)


def test_hours_that_came_too_late_are_a_gap() -> None:
    """Those before the oldest whole hour, and no others."""
    after = advanced(ArchiveProgress(through=49), through=80, whole_from=81, now_ms=7)
    assert after == ArchiveProgress(through=80, gaps=(Gap(first=50, last=80, noticed=7),))
    assert advanced(after, through=81, whole_from=81, now_ms=8).gaps == after.gaps


def test_a_clock_that_was_set_back_sets_nothing_back() -> None:
    """Hours that are moved stay moved."""
    assert advanced(ArchiveProgress(through=99), through=50, whole_from=40, now_ms=1).through == 99


def test_gaps_are_bounded() -> None:
    """The newest stay."""
    progress = ArchiveProgress(through=0)
    for number in range(1, MAX_GAPS + 10):
        through = number * 100
        progress = advanced(progress, through=through, whole_from=through + 1, now_ms=number)
    assert len(progress.gaps) == MAX_GAPS
    assert progress.gaps[-1].last == progress.through

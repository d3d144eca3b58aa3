import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.store_line import new_scan, record
from verifier.archive import columns
from verifier.archive.columns import PartWriter, read_contents, read_rows
from verifier.archive.manifest import EntryId
from verifier.archive.row import COLUMNS, StreamEntry
from verifier.contract.amendment import Amendment, AmendmentKind, ResolutionReason
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.record import GroupRecord, ScanRecord
from verifier.contract.vocabulary import Answer, Outcome

AT = 1_795_567_000_123


def entry(number: int, made: ScanRecord | None = None, **more: Any) -> StreamEntry:
    """Make an entry of a person's pass."""
    made = record(new_scan(), at=AT) if made is None else made
    whole = StreamEntry(7, EntryId(AT, number), b"raw", made, Answer.FRESH)
    return whole._replace(**more)


def part_of(entries: Iterable[StreamEntry]) -> io.BytesIO:
    """Write a part."""
    sink = io.BytesIO()
    writer = PartWriter(sink, 498_768, 1)
    writer.add(entries)
    writer.close()
    sink.seek(0)
    return sink


def one_row(made: StreamEntry) -> dict[str, Any]:
    """Write and read one entry."""
    (row,) = read_rows(part_of([made]))
    return row


def test_every_member_of_a_record_has_a_column() -> None:
    """A new member of the contract must not be lost; a group's stand flat."""
    members = set(ScanRecord.__struct_fields__) - {"group"}
    groups = {f"group_{name}" for name in GroupRecord.__struct_fields__}
    assert members | groups <= set(COLUMNS)


def test_a_record_is_read_back() -> None:
    """Member by member, times as times."""
    made = record(
        new_scan(), at=AT, final=Outcome.DENY, final_reason=Reason.PLACE_KIND, offline=True,
        manual=True, rule="GR-EU-1", status_age=12, incident="double_use", milliseconds=0.5,
        unsure=Reason.STATUS_STALE, sector_class=65_535,
    )  # fmt: skip
    row = one_row(entry(3, made))
    moment = datetime.fromtimestamp(AT / 1000, UTC)
    assert (row["tag"], row["stored"], row["number"]) == (7, moment, 3)
    for name in set(ScanRecord.__struct_fields__) - {"group", "at"}:
        assert row[name] == getattr(made, name), name
    assert row["at"] == moment
    assert (row["decision"], row["decision_reason"]) == ("deny", Reason.PLACE_KIND)


@pytest.mark.parametrize(
    ("made", "answer", "decided"),
    [
        ({}, Answer.FRESH, ("pass", None)),
        ({}, Answer.USED, ("deny", Reason.USE_REPLAYED)),
        ({"outcome": Outcome.REVIEW, "reason": Reason.STATUS_YELLOW}, Answer.UNASKED,
         ("review", Reason.STATUS_YELLOW)),
        ({"final": Outcome.PASS}, Answer.USED, ("pass", None)),
    ],
)  # fmt: skip
def test_the_decision_is_written_beside_what_it_follows_from(
    made: dict[str, Any], answer: Answer, decided: tuple[str, str | None]
) -> None:
    """By record, answer and terminal, as at the gate."""
    row = one_row(entry(0, record(new_scan(), **made), answer=answer))
    assert (row["decision"], row["decision_reason"]) == decided


def test_a_group_and_a_stranger_have_no_person() -> None:
    """Counts and positions of exceptions, and null where no person was known."""
    group = GroupRecord(green=37, yellow=1, red=1, none=1, exceptions=(17, 31, 40))
    row = one_row(entry(0, record(new_scan(), person=b"", group=group, members=40)))
    assert row["person"] is None
    assert (row["group_green"], row["group_red"], row["members"]) == (37, 1, 40)
    assert row["group_exceptions"] == [17, 31, 40]


def test_an_amendment_stands_in_the_row_that_it_came_with() -> None:
    """Kind, who, when, and a resolution's decision."""
    said = Amendment(
        kind=AmendmentKind.RESOLVED, by="desk", at=AT, decision=Outcome.PASS,
        reason=ResolutionReason.IDENTITY_CHECKED,
    )  # fmt: skip
    row = one_row(entry(0, amendment=said))
    assert (row["amended"], row["amended_by"]) == ("resolved", "desk")
    assert (row["amended_decision"], row["amended_reason"]) == ("pass", "identity_checked")
    assert one_row(entry(0))["amended"] is None


def test_what_cannot_be_read_keeps_its_octets() -> None:
    """And its place in the order; it is counted."""
    unread = StreamEntry(5, EntryId(AT, 1), b"\x93of tomorrow")
    source = part_of([entry(0), unread, entry(2)])
    assert (read_contents(source).rows, read_contents(source).unread) == (3, 1)
    rows = list(read_rows(source))
    assert [row["unread"] for row in rows] == [None, b"\x93of tomorrow", None]
    assert (rows[1]["tag"], rows[1]["scan_id"]) == (5, None)


def test_a_value_that_no_column_takes_costs_only_itself() -> None:
    """The others of its row group are written as they are."""
    source = part_of([entry(0), entry(1, record(new_scan(), colour=999)), entry(2)])
    assert [row["unread"] for row in read_rows(source)] == [None, b"raw", None]
    assert read_contents(source).unread == 1


def test_a_part_says_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows over all row groups, and the last id of each tag."""
    monkeypatch.setattr(columns, "GROUP_ROWS", 10)
    made = [entry(number)._replace(tag=number % 3) for number in range(25)]
    source = part_of(made)
    found = read_contents(source)
    assert (found.hour, found.number, found.rows) == (498_768, 1, 25)
    assert found.last == {"00": f"{AT}-24", "01": f"{AT}-22", "02": f"{AT}-23"}
    assert [row["number"] for row in read_rows(source)] == list(range(25))


def test_one_persons_rows_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the keyed hashes that are theirs, in whatever row group; columns as asked."""
    monkeypatch.setattr(columns, "GROUP_ROWS", 10)
    theirs = {3: b"A" * 12, 17: b"B" * 12, 24: b"A" * 12}
    made = [
        entry(number, record(new_scan(), person=theirs.get(number, b"x" * 12)))
        for number in range(25)
    ]
    wanted = frozenset(theirs.values())
    rows = list(read_rows(part_of(made), ("number", "person", "place"), persons=wanted))
    assert [row["number"] for row in rows] == [3, 17, 24]
    assert set(rows[0]) == {"number", "person", "place"}


def test_a_part_that_is_cut_is_no_part() -> None:
    """At any length."""
    whole = part_of([entry(number) for number in range(5)]).getvalue()
    for length in (0, 4, len(whole) // 2, len(whole) - 1):
        with pytest.raises(MalformedError):
            read_contents(io.BytesIO(whole[:length]))

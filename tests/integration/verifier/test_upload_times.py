"""No record is refused for its time: late, ahead, or of a clock that was not sure."""

import time
from itertools import count
from typing import Any

import pytest

from tests.support.centre import Centre, eventually, new_scan_id, paper, shown
from tests.support.issued import TERMINAL
from tests.support.uploads import decided, lines_of, newest_lines, upload
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.service.process.keys import KEY_BYTES, key_path

DAY = 86_400
persons = count(24_000)


def old(person: int) -> str:
    """Return a person's static code of a month ago."""
    return paper(person, ago=32 * DAY)


def line_of(house: Centre, scan_id: str) -> Any:
    """Return the line of a record, when it can be read."""
    (found,) = eventually("the record can be read", lambda: lines_of(house, scan_id))
    return found


@pytest.mark.parametrize(
    ("apart", "unsure"),
    [
        (-15 * DAY, False),
        (-30 * DAY, False),
        (600, False),
        (2 * DAY, False),
        (400 * DAY, False),
        (600, True),
        (-3600, True),
        (-15 * DAY, True),
        (-300 * DAY, True),
    ],
)
def test_a_record_of_a_doubtful_time_is_stored_with_the_time_of_its_upload(
    house: Centre, apart: int, *, unsure: bool
) -> None:
    """And is an incident, once."""
    now = time.time()
    at = now + apart
    record = decided(old(next(persons)), at=at, scan_id=new_scan_id(at=at), clock_unsure=unsure)
    (result,) = upload(house, record)
    assert (result["code"], result.get("incident")) == ("stored", "misdated")
    line = line_of(house, record["scan_id"])
    assert line["decision"] == Outcome.PASS
    assert line["incident"] == "misdated"
    assert abs(line["at"] / 1000 - now) < 30
    (again,) = upload(house, record)
    assert (again["code"], again.get("incident")) == ("known", "misdated")


@pytest.mark.parametrize("apart", [0, -13 * DAY, 200])
def test_a_record_of_a_sure_time_keeps_it(house: Centre, apart: int) -> None:
    """For two weeks, and a little ahead."""
    at = time.time() + apart
    record = decided(old(next(persons)), at=at, scan_id=new_scan_id(at=at))
    (result,) = upload(house, record)
    assert (result["code"], result.get("incident")) == ("stored", None)
    assert abs(line_of(house, record["scan_id"])["at"] / 1000 - at) < 1


def test_past_31_days_only_terminal_and_day_are_kept(house: Centre) -> None:
    """Each record as an incident; nothing says whose it was, or at which second."""
    day = int(time.time()) // DAY - 40
    records = [
        decided(old(next(persons)), at=at, scan_id=new_scan_id(at=at))
        for at in (day * DAY + 1234.5, day * DAY + 5000.0)
    ]
    for _ in range(2):
        results = upload(house, *records)
        assert [result.get("incident") for result in results] == ["overdue"] * 2
        assert all(result["stored"] for result in results)

    def kept() -> list[Any]:
        return [line for line in newest_lines(house) if line.get("incident") == "overdue"]

    lines = eventually("they can be read", lambda: len(found := kept()) >= 2 and found)
    assert len(lines) == 2
    for line in lines:
        assert line["terminal"] == TERMINAL
        assert int(line["scan_id"].replace("-", "")[:12], 16) == day * DAY * 1000
        assert abs(line["at"] / 1000 - time.time()) < 60
        assert "format" not in line
    names = {line["scan_id"] for line in lines}
    assert names.isdisjoint(record["scan_id"] for record in records)


def test_a_record_of_a_day_that_has_not_ended_is_kept_whole(house: Centre) -> None:
    """The day's key is still there: by the time that has passed it is not 31 days ago.

    A worker follows a step of its clock after minutes, the archive ends days after one of them.
    """
    day = int(time.time()) // DAY - 50
    key = key_path(house.folder / "person-hash", day)
    key.write_bytes(b"k" * KEY_BYTES)
    at = day * DAY + 1234.5
    kept, ended = (decided(old(next(persons)), at=at, scan_id=new_scan_id(at=at)) for _ in range(2))
    assert upload(house, kept)[0]["incident"] == "misdated"
    line = line_of(house, kept["scan_id"])
    assert (line["decision"], line["format"]) == (Outcome.PASS, "CC1")
    assert abs(line["at"] / 1000 - time.time()) < 60
    key.unlink()
    assert upload(house, ended)[0]["incident"] == "overdue"


def test_an_old_pass_holds_nobody_today(house: Centre) -> None:
    """Its use counts from its scan on, whatever time its record has."""
    person = next(persons)
    at = time.time() - 15 * DAY
    record = decided(old(person), at=at, scan_id=new_scan_id(at=at))
    assert upload(house, record)[0]["code"] == "stored"
    assert house.scan(old(person)).body["decision"] == Outcome.PASS


def test_what_is_worse_than_its_time_is_said(house: Centre) -> None:
    """A person who had passed elsewhere, by a terminal that did not know the time."""
    person = next(persons)
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
    record = decided(shown(person)) | {"clock_unsure": True}
    (result,) = upload(house, record)
    assert (result["code"], result["incident"]) == ("stored", "double_use")
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED


def test_a_record_that_is_uploaded_three_times_is_one_incident(house: Centre) -> None:
    """Each answer names it; it is counted when it is stored."""

    def counted() -> float:
        text = house.ask("GET", "/metrics", key=None).body.decode()
        found = [line for line in text.splitlines() if line.startswith("verifier_incidents_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found if "unverified" in line)

    text = paper(next(persons))
    record = decided(text[:-3] + ("AAA" if not text.endswith("AAA") else "BBB"))
    before = counted()
    for _ in range(3):
        assert upload(house, record)[0]["incident"] == "unverified"
    assert counted() == before + 1

"""A worker whose machine's clock made a step: time goes on, and everybody is told."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import count

import pytest

from tests.support.centre import ADMIN_KEY, Centre, centre, eventually, new_scan_id, paper, shown
from verifier.contract.vocabulary import Outcome

STEP_S = 120
persons = count(1000)


@pytest.fixture(scope="module")
def house() -> Iterator[Centre]:
    """Yield a centre whose worker knows a time that lies two minutes behind its machine's."""
    with pytest.MonkeyPatch.context() as patch, centre() as it:
        started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        patch.setenv("KAPOK_CLOCK_BASE", repr(started - STEP_S))
        it.worker()
        yield it


def behind(moment: float) -> float:
    """Return by how many seconds a time lies behind this machine's clock."""
    return time.time() - moment


def test_it_says_so(house: Centre) -> None:
    """As a warning: it goes on."""
    ready = house.ask("GET", "/readyz", key=None)
    assert ready.status == 200
    (warned,) = [row for row in ready.body["warnings"] if row["code"] == "clock.ahead"]
    assert "120 s" in warned["detail"]


def test_phones_that_know_the_time_pass(house: Centre) -> None:
    """And one that is two minutes ahead does not."""
    assert house.scan(shown(next(persons), ago=STEP_S)).body["decision"] == Outcome.PASS
    assert house.scan(shown(next(persons))).body["decision"] == Outcome.DENY


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/bundles"), ("GET", "/v1/bundles/trust"), ("GET", "/v1/nothing")],
)
def test_every_answer_says_the_time_as_it_passed(house: Centre, method: str, path: str) -> None:
    """Terminals set their clocks by it."""
    answer = house.ask(method, path)
    assert abs(behind(parsedate_to_datetime(answer.headers["Date"]).timestamp()) - STEP_S) < 5
    scanned = house.scan(paper(next(persons)))
    assert abs(behind(parsedate_to_datetime(scanned.headers["Date"]).timestamp()) - STEP_S) < 5


def test_records_stand_at_the_time_as_it_passed(house: Centre) -> None:
    """In the store too, whose own clock makes the step."""
    scan_id = new_scan_id(at=time.time() - STEP_S)

    def line() -> bool:
        after = int((time.time() - STEP_S - 30) * 1000)
        page = house.ask("GET", f"/v1/records?after={after}&limit=100", key=ADMIN_KEY).body
        moments = [row["at"] / 1000 for row in page["records"] if row["scan_id"] == scan_id]
        return bool(moments) and abs(behind(moments[0]) - STEP_S) < 30

    assert house.scan(paper(next(persons)), scan_id=scan_id).body["decision"] == Outcome.PASS
    eventually("the record can be read", line)

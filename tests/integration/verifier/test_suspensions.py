"""A terminal whose uploads contradict the centre is refused by every worker, until a new grant."""

import time
from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.centre import ONCE, Centre, Process, centre, eventually, paper, shown
from tests.support.uploads import decided, upload
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.service.worker.follow.suspensions import FOLLOW_S

persons = count(30_000)


@pytest.fixture
def house() -> Iterator[Centre]:
    """Yield a centre with two workers at one door."""
    with centre((ONCE,)) as it:
        it.worker("worker-0")
        it.worker("worker-1")
        yield it


def refused(house: Centre) -> bool:
    """Say whether the door refuses the terminal, whichever worker answers."""
    answers = [house.scan(paper(next(persons))) for _ in range(8)]
    return all((it.status, it.body.get("code")) == (403, "grant.suspended") for it in answers)


def assert_admitted(house: Centre) -> None:
    """Check that no worker refuses the terminal, once all have looked."""
    time.sleep(2 * FOLLOW_S)
    assert {house.scan(paper(next(persons))).status for _ in range(8)} == {200}


def lie(house: Centre, times: int) -> None:
    """Upload passes of codes that were long stale."""
    upload(house, *(decided(shown(next(persons), ago=900)) for _ in range(times)))


def findings(process: Process) -> list[str]:
    """Return the codes of a worker's warnings."""
    return [it["code"] for it in process.readiness().body["warnings"]]


def test_a_terminal_that_contradicts_is_suspended_until_a_new_grant(house: Centre) -> None:
    """Fifty refuted passes in an hour; both workers obey, also after a restart."""
    lie(house, 49)
    assert house.scan(paper(next(persons))).status == 200
    lie(house, 1)
    eventually("every worker refuses it", lambda: refused(house))
    first, second = house.processes
    assert "terminals.suspended" in findings(first)
    assert "terminals.suspended" in findings(second)
    acts = [log.read_text() for log in (house.folder / "audit").glob("*.ndjson")]
    assert sum(log.count('"action":"terminal.suspend"') for log in acts) >= 1
    first.kill()
    second.kill()
    first.start()
    assert house.scan(paper(next(persons))).status == 403, "not even before it has looked"
    house.grant()
    eventually("a new grant lifts it", lambda: house.scan(paper(next(persons))).status == 200)


def test_an_honest_terminal_is_not_suspended(house: Centre) -> None:
    """What it could not know counts as little as what a failover forgot."""
    for _ in range(3):
        upload(
            house,
            *(decided(paper(next(persons))) | {"online": True} for _ in range(100)),
        )
    upload(house, *(decided(shown(next(persons), ago=900), Outcome.DENY) for _ in range(100)))
    assert house.scan(paper(next(persons))).status == 200


def test_an_unsure_clock_excuses_no_forgery(house: Centre) -> None:
    """It excuses what depends on the time; a signature does not."""
    for _ in range(2):
        old = (decided(shown(next(persons), ago=900)) | {"clock_unsure": True} for _ in range(50))
        upload(house, *old)
    assert house.scan(paper(next(persons))).status == 200
    forged = (paper(next(persons))[:-3] + "AAA" for _ in range(50))
    upload(house, *(decided(text) | {"clock_unsure": True} for text in forged))
    eventually("every worker refuses it", lambda: refused(house))


def test_a_clock_that_ran_off_alone_is_no_contradiction(house: Centre) -> None:
    """A slow crystal, days without an answer: phones were ahead of it, and it knew that it may."""
    person = next(persons)
    (result,) = upload(house, decided(shown(person), at=time.time() - 100))
    assert (result["code"], result.get("incident")) == ("stored", None)
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED
    late = (decided(shown(next(persons)), at=time.time() - 100) for _ in range(60))
    upload(house, *late)
    assert_admitted(house)


def test_a_window_that_was_wider_is_no_contradiction(house: Centre) -> None:
    """The place's profile changed while the terminal was cut off."""
    upload(house, *(decided(shown(next(persons), ago=300)) for _ in range(60)))
    assert_admitted(house)

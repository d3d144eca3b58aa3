"""What two people set holds against feeds until two people, or its term, end it."""

import base64
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.centre import eventually
from tests.support.feeds_house import FeedsHouse, feeds_beside, lines
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.operators import operator_token
from tests.support.verifier_process import ask
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Plane
from verifier.feeds.prepared import Prepared, pack

GREEN: Final = 1
YELLOW: Final = 2
RED: Final = 3
HOLDS: Final = "v:{status}:holds:1:health"
ENDS: Final = "v:{status}:hold-ends"


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Run an issuing process and a worker; each test takes people of its own."""
    with issuing_house(erasure_wait_s=1) as running:
        yield running


@pytest.fixture(scope="module")
def feeds(house: IssuingHouse) -> Iterator[FeedsHouse]:
    """Run a feeds process beside it."""
    with feeds_beside(house) as running:
        yield running


def somebody(house: IssuingHouse) -> dict[str, Any]:
    """Issue a paper code to somebody green."""
    return house.issue(holder=None, colour="green")


def decided(house: IssuingHouse, person: int, to: str, **more: Any) -> str:
    """Have two people give somebody a colour; return the proposal's id."""
    body = {"kind": "colour", "person": person, "to": to, "reason": "order", "text": "a test"}
    made = house.ask("/v1/proposals", body | more, key=operator_token("ling"))
    assert made.status == 201, made.body
    done = house.ask(f"/v1/proposals/{made.body['id']}/approve", None, key=operator_token("hao"))
    assert done.status == 200, done.body
    found: str = made.body["id"]
    return found


def said(feeds: FeedsHouse, name: str, rows: list[tuple[Any, str, Any]]) -> None:
    """Have a source say something, newer than all that is known."""
    sender = feeds.sender(name)
    answer = sender.send(lines(rows, at=int(time.time()) + 60))
    assert answer.status == 200, answer.body


def shown(house: IssuingHouse, person: int) -> dict[str, Any]:
    """Return what is kept of a person, as an operator sees it."""
    body = {"reason": "own_request", "person": person}
    answer = house.ask("/v1/subjects", body, key=operator_token("hao", "administrator"))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


def test_a_feed_does_not_undo_what_two_people_set(house: IssuingHouse, feeds: FeedsHouse) -> None:
    """Red by two people; a newer green of a source changes nothing at any gate."""
    person, other = somebody(house), somebody(house)
    decided(house, person["person"], "red")
    said(feeds, "one-source", [(person["person"], "green", 0), (other["person"], "yellow", 0)])
    assert feeds.value(Plane.HEALTH, person["person"]) == RED
    assert feeds.value(Plane.HEALTH, other["person"]) == YELLOW
    eventually("red at the gate", lambda: house.reason_of(person["text"]) == Reason.STATUS_RED)


def test_two_people_end_a_hold(house: IssuingHouse, feeds: FeedsHouse) -> None:
    """By a proposal that does not hold: from then on a source is heard again."""
    person = somebody(house)["person"]
    decided(house, person, "red")
    said(feeds, "two-source", [(person, "yellow", 0)])
    assert feeds.value(Plane.HEALTH, person) == RED
    decided(house, person, "red", hours=0)
    assert shown(house, person)["holds"] == []
    said(feeds, "three-source", [(person, "green", 60)])
    assert feeds.value(Plane.HEALTH, person) == GREEN
    assert shown(house, person)["origins"]["health"] == "feed:three-source"


def test_a_hold_ends_with_its_term(house: IssuingHouse, feeds: FeedsHouse) -> None:
    """What a source said meanwhile comes into force, and is its own from then on."""
    person = somebody(house)["person"]
    proposal = decided(house, person, "red", hours=1)
    said(feeds, "four-source", [(person, "yellow", 0)])
    assert feeds.value(Plane.HEALTH, person) == RED
    (hold,) = shown(house, person)["holds"]
    assert (hold["proposal"], hold["by"], hold["feed_says"]) == (
        proposal, ["ling", "hao"], "yellow",
    )  # fmt: skip
    assert 3500 < hold["until"] - time.time() <= 3600
    assert shown(house, person)["origins"]["health"] == "people"
    term_is_over(house, person)
    eventually("it is over", lambda: feeds.value(Plane.HEALTH, person) == YELLOW)
    after = shown(house, person)
    assert (after["holds"], after["origins"]["health"]) == ([], "feed:four-source")
    text = (house.centre.folder / "audit" / "issuing.ndjson").read_text()
    assert f'"hold.end","person":"","by":"process","subject":"person:1:{person}"' in text


def term_is_over(house: IssuingHouse, person: int) -> None:
    """Set a hold back by two hours, as if it had been made then."""
    with house.centre.redis.client() as client:
        kept: Any = client.hget(HOLDS, str(person))
        past = kept.replace(b'"until":', b'"until":1,"x":')
        until = int(kept.split(b'"until":')[1].rstrip(b"}"))
        moved = kept.replace(str(until).encode(), str(until - 7200).encode())
        assert past != kept != moved
        pipeline = client.pipeline(transaction=True)
        pipeline.hset(HOLDS, str(person), moved)
        pipeline.zadd(ENDS, {f"1:health:{person}": until - 7200})
        pipeline.execute()


def test_the_source_of_a_value_outlives_every_other_note(
    house: IssuingHouse, feeds: FeedsHouse
) -> None:
    """Notes of observation end after two days; whose the value is, and who decided it, stays."""
    person = somebody(house)["person"]
    assert shown(house, person)["origins"]["health"] == "issue"
    said(feeds, "five-source", [(person, "yellow", 0)])
    assert shown(house, person)["origins"]["health"] == "feed:five-source"
    decided(house, person, "green")
    with house.centre.redis.client() as client:
        client.delete(*client.keys("v:{status}:seen:*"))
        assert all(client.ttl(key) == -1 for key in client.keys("v:{status}:hold*"))
    said(feeds, "six-source", [(person, "red", 0)])
    found = shown(house, person)
    assert (found["colour"], found["origins"]["health"]) == ("green", "people")
    assert found["holds"][0]["feed_says"] == "red"


def test_an_erasure_ends_every_hold(house: IssuingHouse, feeds: FeedsHouse) -> None:
    """Nothing of it is kept of the person."""
    person = somebody(house)["person"]
    decided(house, person, "red")
    said(feeds, "seven-source", [(person, "green", 0)])
    body = {
        "kind": "erasure", "reason": "own_request", "identity": "document_seen",
        "text": "at desk 4", "person": person,
    }  # fmt: skip
    made = house.ask("/v1/proposals", body, key=operator_token("hao", "administrator"))
    assert made.status == 201, made.body
    path, token = f"/v1/proposals/{made.body['id']}/approve", operator_token("wen", "approver")
    eventually(
        "it is carried out",
        lambda: ask(house.issuing.port, "POST", path, None, key=token).body["state"] == "done",
    )
    with house.centre.redis.client() as client:
        for key in (HOLDS, "v:{status}:said:1:health"):
            assert not client.hexists(key, str(person))
        assert client.zscore(ENDS, f"1:health:{person}") is None
        assert client.getrange("v:{status}:origin:1:health", person, person) == b"\0"
    assert feeds.value(Plane.HEALTH, person) == 0


def test_a_taken_over_feeds_process_says_no_more_than_its_sources_signed(
    house: IssuingHouse, feeds: FeedsHouse
) -> None:
    """It stages lines for which there is no signature, and more than there is one for."""
    person = somebody(house)["person"]
    sender = feeds.sender("eight-source")
    described = sender.manifest(b"")
    line = pack(Prepared(1, person, int(time.time()), Plane.HEALTH, RED))
    forged = {
        "source": "eight-source", "lines": line, "reached": 1, "last": 1, "observed": 0,
        "manifest": b"\0",
    }  # fmt: skip
    header = sender.seal(described)
    signed = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
    with house.centre.redis.client("feeds") as client:
        for manifest in (b"\0", signed):
            client.xadd("v:{status}:staged", forged | {"manifest": manifest})
        eventually("it is taken away", lambda: not client.xrange("v:{status}:staged"))
    assert feeds.value(Plane.HEALTH, person) == GREEN
    answer = house.get("/readyz").body
    assert "batch.unexplained" in {row["code"] for row in answer["warnings"]}

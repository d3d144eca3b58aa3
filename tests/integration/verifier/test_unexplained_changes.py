"""Somebody writes into the store directly: what nothing explains is not signed, and is found.

The attacker has the whole of Redis (the tests' own `admin`), but no key of the issuing process.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.centre import eventually
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.operators import operator_token
from verifier.contract.reasons import Reason

PLANE: Final = "v:{status}:plane:1:health"
CHANGES: Final = "v:{status}:changes:1:health"
HEADS: Final = "v:{status}:heads"
GREEN: Final = 1
RED: Final = 3


@pytest.fixture
def house() -> Iterator[IssuingHouse]:
    """Run an issuing process and a worker for one test."""
    with issuing_house() as running:
        yield running


def coloured(house: IssuingHouse, colour: str) -> dict[str, Any]:
    """Issue a paper code to somebody of a colour, and wait until it is published."""
    issued = house.issue(holder=None, colour=colour)
    wanted = {"red": Reason.STATUS_RED, "green": Reason.USE_REPLAYED}[colour]
    eventually("the colour is published", lambda: house.reason_of(issued["text"]) == wanted)
    return issued


def set_bits(house: IssuingHouse, person: int, value: int) -> None:
    """Write a value into the plane's bytes."""
    with house.centre.redis.client() as client:
        bit = 2 * person
        client.execute_command("BITFIELD", PLANE, "SET", "u2", bit + 6 - 2 * (bit % 8), value)


def value_of(house: IssuingHouse, person: int) -> int:
    """Read a value from the plane's bytes."""
    with house.centre.redis.client() as client:
        data: Any = client.get(PLANE)
    return int(data[person // 4] >> 2 * (person % 4) & 3)


def versions_pass(house: IssuingHouse, count: int = 2) -> None:
    """Wait until some more versions of the plane are published: each takes in what waits."""

    def version() -> int:
        with house.centre.redis.client() as client:
            head: Any = client.hget(HEADS, "1:health")
        return int(head.partition(b":")[0])

    first = version()
    for number in range(1, count + 1):
        house.issue(holder=None)
        eventually("it is published", lambda wanted=first + number: version() >= wanted)


def drained(house: IssuingHouse) -> bool:
    """Say whether nothing waits to be published."""
    with house.centre.redis.client() as client:
        return client.xlen(CHANGES) == 0


def test_a_change_that_nobody_made_is_not_published(house: IssuingHouse) -> None:
    """Written as the store's own function would, without a reason: the code stays red."""
    person = coloured(house, "red")
    set_bits(house, person["person"], GREEN)
    with house.centre.redis.client() as client:
        client.xadd(CHANGES, {"c": struct.pack(">IB", person["person"], GREEN), "t": 1 << 20})
    eventually("it is taken away", lambda: drained(house))
    versions_pass(house)
    assert house.reason_of(person["text"]) == Reason.STATUS_RED
    eventually("the store is put right", lambda: value_of(house, person["person"]) == RED)


def test_bytes_that_nobody_changed_are_not_believed_at_a_start(house: IssuingHouse) -> None:
    """Written past every note of a change: the next process knows what was signed."""
    person = coloured(house, "red")
    house.issuing.kill()
    set_bits(house, person["person"], GREEN)
    house.issuing.start()
    versions_pass(house)
    assert house.reason_of(person["text"]) == Reason.STATUS_RED
    eventually("the store is put right", lambda: value_of(house, person["person"]) == RED)


def test_a_mark_for_the_whole_plane_brings_nothing_in(house: IssuingHouse) -> None:
    """The plane is read whole, and signed as it was."""
    person = coloured(house, "red")
    set_bits(house, person["person"], GREEN)
    with house.centre.redis.client() as client:
        client.xadd(CHANGES, {"all": "1"})
    eventually("it is taken away", lambda: drained(house), within=20)
    versions_pass(house)
    assert house.reason_of(person["text"]) == Reason.STATUS_RED


def test_a_change_of_before_is_not_published_again(house: IssuingHouse) -> None:
    """The entry that once made somebody green, with its seal, is written down again."""
    person = coloured(house, "green")
    fields = changed_while_unpublished(house, person["person"], ("red", "green"))
    decided(house, person["person"], "red")
    eventually("it is red", lambda: house.reason_of(person["text"]) == Reason.STATUS_RED)
    set_bits(house, person["person"], GREEN)
    with house.centre.redis.client() as client:
        client.xadd(CHANGES, fields)
    eventually("it is taken away", lambda: drained(house))
    versions_pass(house)
    assert house.reason_of(person["text"]) == Reason.STATUS_RED


def changed_while_unpublished(
    house: IssuingHouse, person: int, colours: tuple[str, ...]
) -> dict[Any, Any]:
    """Have a person's colour changed while nothing can be published; return the last entry."""
    rows: Any = []
    for colour in colours:
        decided(house, person, colour)
        with house.centre.redis.client() as client:
            rows = client.xrevrange(CHANGES, count=1) or rows
    assert rows, "it was published before it could be read"
    return dict(rows[0][1])


def decided(house: IssuingHouse, person: int, to: str) -> None:
    """Have two people give somebody a colour."""
    body = {"kind": "colour", "person": person, "to": to, "reason": "order", "text": "a test"}
    made = house.ask("/v1/proposals", body, key=operator_token("ling"))
    done = house.ask(f"/v1/proposals/{made.body['id']}/approve", None, key=operator_token("hao"))
    assert done.status == 200, done.body

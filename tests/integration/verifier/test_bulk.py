"""Bulk issue at the real issuing process: lines, repetitions, and deaths in the middle."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

import pytest
from redis.asyncio import Redis

from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.bulk import BatchAnswer, body_of, open_batch, paper, send_batch
from tests.support.changes import change
from tests.support.issued import LIST_SIZE
from tests.support.issuing_house import REFERENCE_KEY, IssuingHouse, issuing_house
from tests.support.verifier_process import API_KEY
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.persons import ReferenceKey
from verifier.service.store.credentials import read_held
from verifier.service.store.persons import find_persons
from verifier.service.store.planes import make_plane, read_value

HEALTH = PlaneName(1, Plane.HEALTH)
Result = TypeVar("Result")


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker; each test takes jobs and people of its own."""
    with issuing_house() as running:
        in_store(running, prepared)
        yield running


async def prepared(redis: Redis) -> None:
    """Make the plane."""
    await make_plane(redis, HEALTH, LIST_SIZE)


def in_store(house: IssuingHouse, call: Callable[[Redis], Awaitable[Result]]) -> Result:
    """Run a coroutine with the store."""

    async def run() -> Result:
        settings: Any = house.centre.redis_settings("issuing")
        redis = open_store(RedisSettings(**settings))
        try:
            return await call(redis)
        finally:
            await redis.aclose()

    return asyncio.run(run())


def send(house: IssuingHouse, lines: Any, **given: Any) -> BatchAnswer:
    """Send a batch."""
    return send_batch(house.issuing.port, lines, **given)


def persons_of(house: IssuingHouse, references: list[str]) -> list[int | None]:
    """Return who is known by references."""
    digests = [ReferenceKey(REFERENCE_KEY).digest(each) for each in references]
    return in_store(house, lambda redis: find_persons(redis, 1, digests))


def test_papers_are_issued(house: IssuingHouse) -> None:
    """Each person is known, has its colour and holds one credential, which is printed."""
    names = [f"paper-{number}" for number in range(200)]
    colours = ["green", "yellow", "red", "none"]
    lines = [
        paper(number, name, colour=colours[number % 4], sectors={"hall": 0, "transit": 1})
        for number, name in enumerate(names, 1)
    ]
    answer = send(house, lines, job="a" * 16)
    issued = answer.issued
    assert [row.line for row in issued] == list(range(1, 201))
    assert all(row.new and row.text is not None and row.text.startswith("CC1:") for row in issued)
    persons = [row.person for row in issued]
    assert persons_of(house, names) == persons
    assert len({row.credential_index for row in issued}) == len(set(persons)) == 200
    found = in_store(house, lambda redis: read_value(redis, HEALTH, persons))
    assert found == [(number % 4 + 1) % 4 for number in range(1, 201)]
    held = in_store(house, lambda redis: read_held(redis, 1, persons[0], now=0))
    assert [row.credential for row in held] == [issued[0].credential_index]
    assert answer.end().issued == 200


def test_a_phone_is_made_known_and_gets_its_credential_later(house: IssuingHouse) -> None:
    """A person, a colour, nothing to print; the same person asks for paper in another job."""
    line = {"line": 1, "kind": "phone", "reference": "with-phone"}
    (row,) = send(house, [line], job="b" * 16).issued
    assert (row.credential_index, row.text, row.expires) == (None, None, None)
    (later,) = send(house, [paper(1, "with-phone")], job="b" * 15 + "1").issued
    assert later.person == row.person
    assert not later.new


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        (b"nonsense", "line.json", None),
        (b'{"line":7,"kind":"paper","hours":1}', "line.field", "reference"),
        (b'{"line":7,"kind":"paper","reference":"nobody-1"}', "line.field", "hours"),
        (b'{"line":7,"kind":"paper","reference":"nobody-1","hours":0}', "line.field", "hours"),
        (b'{"line":7,"kind":"other","reference":"nobody-1"}', "line.field", "kind"),
        (b'{"line":7,"kind":"phone","reference":"nobody-1","hours":1}', "line.field", "$"),
        (b'{"line":7,"kind":"phone","reference":"no"}', "reference.bad", "reference"),
        (b'{"line":7,"kind":"phone","reference":"nobody\\u0007"}', "reference.bad", "reference"),
        (b'{"line":7,"kind":"phone","reference":7777}', "line.field", "reference"),
        (
            b'{"line":7,"kind":"phone","reference":"nobody-1","colour":"blue"}',
            "colour.unknown",
            "colour",
        ),
        (
            b'{"line":7,"kind":"paper","reference":"nobody-1","hours":1,"sectors":{"moon":1}}',
            "sector.unknown",
            "sectors",
        ),
        (b'{"line":7,"reference":"' + b"x" * 5000 + b'"}', "line.large", None),
        (b'{"line":0,"kind":"phone","reference":"nobody-1"}', "line.field", "line"),
        (b"[]", "line.field", "$"),
        (b"\xff\xfe", "line.json", None),
        (b"[" * 4000, "line.json", None),
    ],
)
def test_a_bad_line_spoils_only_itself(
    house: IssuingHouse, line: bytes, code: str, field: str | None
) -> None:
    """The lines around it are issued; the refusal says what is wrong, and nothing of the line."""
    job = sha256(line).hexdigest()[:16]
    around = [body_of([paper(6, f"before-{job}")]), line + b"\n", body_of([paper(8, f"on-{job}")])]
    answer = send(house, b"".join(around), job=job)
    assert [row.line for row in answer.issued] == [6, 8]
    (refused,) = answer.refused
    assert (refused.code, refused.field) == (code, field)
    assert refused.line == (7 if line.startswith(b'{"line":7,') else None)
    assert b"nobody" not in answer.body
    assert persons_of(house, ["nobody-1"]) == [None]


def test_nobody_gets_two_of_one_job(house: IssuingHouse) -> None:
    """Not in one batch, not in the next one, not by another spelling; in another job, yes."""
    job = "c" * 16
    first = send(house, [paper(1, "twice-a"), paper(2, " TWICE-A "), paper(3, "twice-b")], job=job)
    assert [row.line for row in first.issued] == [1, 3]
    second = send(house, [paper(4, "twice-a"), paper(5, "twice-c")], job=job, batch=1)
    assert [row.line for row in second.issued] == [5]
    for row in (*first.refused, *second.refused):
        assert (row.code, row.field) == ("reference.twice", "reference")
    other = send(house, [paper(1, "twice-a")], job="c" * 15 + "1").issued
    assert other[0].person == first.issued[0].person
    assert other[0].credential_index != first.issued[0].credential_index


def test_a_batch_that_is_sent_again_gets_the_same(house: IssuingHouse) -> None:
    """To the last byte; a colour that changed in between stays, and nobody holds two."""
    lines = [paper(number, f"again-{number}") for number in range(1, 51)]
    lines += [{"line": 51, "kind": "phone", "reference": "again-51"}, paper(52, "x")]
    first = send(house, lines, job="d" * 16)
    person = first.issued[0].person
    assert in_store(house, lambda redis: change(redis, {HEALTH: [(person, 3)]}))
    house.issuing.kill()
    house.issuing.start()
    again = send(house, lines, job="d" * 16)
    assert again.body == first.body
    assert in_store(house, lambda redis: read_value(redis, HEALTH, [person])) == [3]
    held = in_store(house, lambda redis: read_held(redis, 1, person, now=0))
    assert len(held) == 1


def test_batches_come_in_their_order(house: IssuingHouse) -> None:
    """One that is left out, one that is over, and another one under the same number."""
    job = "e" * 16
    assert send(house, [paper(2, "order-2")], job=job, batch=1).code == "bulk.order"
    assert send(house, [paper(1, "order-1")], job=job).issued
    assert send(house, [paper(1, "order-x")], job=job).code == "bulk.other"
    assert send(house, [paper(2, "order-2")], job=job, batch=1).issued
    assert send(house, [paper(1, "order-1")], job=job).code == "bulk.order"
    assert persons_of(house, ["order-x"]) == [None]


def test_who_is_quicker_at_another_door_keeps_the_index(house: IssuingHouse) -> None:
    """A person who was made known with another colour is not given a second index."""
    made = house.ask("/v1/persons", {"reference": "known-1", "colour": "red"}).body
    (row,) = send(house, [paper(1, "known-1")], job="f" * 16).issued
    assert (row.person, row.new) == (made["person"], False)


def test_a_death_in_the_middle_gives_nobody_two(house: IssuingHouse) -> None:
    """Killed while the answer goes out; the same batch then gets every line once."""
    for attempt in range(5):
        job = f"1{attempt:015x}"
        lines = [paper(number, f"killed-{attempt}-{number}") for number in range(1, 801)]
        beginning = killed_while_answering(house, body_of(lines), job)
        whole = send(house, lines, job=job)
        assert whole.body.startswith(beginning)
        assert len(whole.issued) == 800
        persons = [row.person for row in whole.issued]
        assert len(set(persons)) == 800
        assert set(in_store(house, partial(count_held, persons=persons))) == {1}
        if len(beginning) < len(whole.body):
            return
    pytest.fail("no answer was cut")


def killed_while_answering(house: IssuingHouse, body: bytes, job: str) -> bytes:
    """Kill the issuing process once an answer begins, start it again; return what had come."""
    connection = open_batch(house.issuing.port, body, job=job)
    answer = connection.getresponse()
    came = [answer.read(1_000)]
    house.issuing.kill()
    try:
        while piece := answer.read(1_000):
            came.append(piece)
    except (http.client.HTTPException, OSError):
        pass
    connection.close()
    house.issuing.start()
    return b"".join(came)


async def count_held(redis: Redis, persons: list[int]) -> list[int]:
    """Return how many credentials each person holds."""
    return [len(await read_held(redis, 1, person, now=0)) for person in persons]


def test_a_store_that_dies_in_the_middle_gives_nobody_two(house: IssuingHouse) -> None:
    """The batch is refused or cut; after the store's restart it gets every line once."""
    lines = [paper(number, f"stored-{number}") for number in range(1, 801)]
    connection = open_batch(house.issuing.port, body_of(lines), job="2" * 16)
    house.centre.redis.kill()
    connection.close()
    house.centre.redis.start()
    whole = send(house, lines, job="2" * 16)
    while whole.status == 503:
        whole = send(house, lines, job="2" * 16)
    assert len({row.person for row in whole.issued}) == 800
    assert persons_of(house, [f"stored-{number}" for number in range(1, 801)]) == [
        row.person for row in whole.issued
    ]


def test_people_are_issued_to_also_without_a_plane_of_colours(house: IssuingHouse) -> None:
    """It was destroyed; the codes live on, and a batch that is sent again is the same."""
    with house.centre.redis.client() as client:
        held: Any = client.hget("v:{status}:planes", "1:health")
        client.hset("v:{status}:planes", "1:health", "destroyed")
        try:
            first = send(house, [paper(1, "colourless-1")], job="5" * 16)
            assert send(house, [paper(1, "colourless-1")], job="5" * 16).body == first.body
        finally:
            client.hset("v:{status}:planes", "1:health", held)
    (row,) = first.issued
    assert in_store(house, lambda redis: read_value(redis, HEALTH, [row.person])) == [0]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"key": None}, 401, "key.unknown"),
        ({"key": API_KEY}, 403, "scope.missing"),
        ({"job": "x"}, 400, "query.bad"),
        ({"batch": "-1"}, 400, "query.bad"),
        ({"batch": "0&more=1"}, 400, "query.bad"),
        ({"content_type": "application/json"}, 415, "body.type"),
        ({"lines": b""}, 400, "bulk.lines"),
        ({"lines": b"{}\n" * 1001}, 400, "bulk.lines"),
        ({"lines": b"x" * (1024 * 1024 + 1)}, 413, "body.large"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(
    house: IssuingHouse, given: dict[str, Any], status: int, code: str
) -> None:
    """As a whole, with a code."""
    lines = given.pop("lines", [paper(1, "refused-1")])
    refused = send(house, lines, **{"job": "3" * 16} | given)
    assert (refused.status, refused.code) == (status, code)


def test_no_reference_is_kept_anywhere(house: IssuingHouse) -> None:
    """Neither in the store's file nor in the log."""
    reference = "SECRET-OF-SOMEBODY-4711"
    send(house, [paper(1, reference), paper(2, "k"), paper(3, reference)], job="4" * 16)
    files = [*house.centre.folder.glob("*.log"), *house.centre.redis.directory.rglob("*.aof")]
    assert len(files) > 2
    for file in files:
        assert reference.encode() not in file.read_bytes()
        assert reference.lower().encode() not in file.read_bytes()

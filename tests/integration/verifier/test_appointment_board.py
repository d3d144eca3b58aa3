"""The appointments of places against a real Redis: what is published when, and what goes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from tests.support.keys import BUNDLE
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.bundle import (
    MAX_APPOINTMENTS,
    Appointment,
    AppointmentsDocument,
    read_document,
)
from verifier.contract.envelope import take_apart
from verifier.sectors.appointments import MAX_GRACE_MINUTES
from verifier.service.issuing.bundles.appointments import (
    HORIZON_S,
    REFRESH_S,
    AppointmentBoard,
    Booking,
    BookingRefusedError,
)
from verifier.service.process.floors import FloorFile
from verifier.service.store.appointments import KEPT_S

AT = int(now())
HALL: frozenset[str] = frozenset({"hall-1"})
NOWHERE: frozenset[str] = frozenset()
GRACE = MAX_GRACE_MINUTES * 60


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a Redis of the test's own."""
    with redis_server() as running:
        yield running


def on(server: RedisServer, steps: Callable[[AppointmentBoard, Redis], Awaitable[None]]) -> None:
    """Run steps on a board."""

    async def run() -> None:
        redis = Redis(
            unix_socket_path=str(server.socket), username="admin", password=server.users["admin"]
        )
        try:
            await steps(AppointmentBoard(redis, BUNDLE, FloorFile(None)), redis)
        finally:
            await redis.aclose()

    asyncio.run(run())


def booking(person: int, begins: int, ends: int) -> Booking:
    """Book a person in seconds from the test's start."""
    appointment = Appointment(list=1, person=person, begins=AT + begins, ends=AT + ends)
    return Booking(id=f"booking-{person}", appointment=appointment)


async def published(redis: Redis, place: str = "hall-1") -> AppointmentsDocument:
    """Return a place's appointments on the shelf."""
    data: Any = await redis.get(f"v:bundle:appointments-{place}")
    return read_document(take_apart(data).payload, AppointmentsDocument, "appointments")


def persons(document: AppointmentsDocument) -> list[int]:
    """Return who is expected."""
    return [entry.person for entry in document.entries]


def test_a_place_that_requires_them_has_a_bundle_at_once(server: RedisServer) -> None:
    """An empty one: nobody is expected. It is signed anew once an hour, another place's is not."""

    async def steps(board: AppointmentBoard, redis: Redis) -> None:
        places = HALL | {"hall-2"}
        await board.publish(AT, places=places, requiring=HALL)
        found = await published(redis)
        assert (found.version, found.entries, found.exp) == (1, (), AT + HORIZON_S)
        await board.publish(AT + REFRESH_S - 1, places=places, requiring=HALL)
        assert (await published(redis)).version == 1
        await board.publish(AT + REFRESH_S, places=places, requiring=HALL)
        found = await published(redis)
        assert (found.version, found.exp) == (2, AT + REFRESH_S + HORIZON_S)
        assert not await redis.exists("v:bundle:appointments-hall-2")
        await board.publish(AT + 2 * REFRESH_S, places=places, requiring=NOWHERE)
        assert (await published(redis)).version == 2

    on(server, steps)


def test_many_bookings_of_a_second_are_one_version(server: RedisServer) -> None:
    """They are published by the next look, in order, each once; what leaves them alike is none."""

    async def steps(board: AppointmentBoard, redis: Redis) -> None:
        await board.publish(AT, places=HALL, requiring=HALL)
        for person in (3, 1, 2):
            await board.book("hall-1", (booking(person, 60, 120),), ())
        await board.publish(AT + 1, places=HALL, requiring=HALL)
        found = await published(redis)
        assert (found.version, persons(found)) == (2, [1, 2, 3])
        await board.book("hall-1", (booking(4, 60, 120),), ())
        await board.book("hall-1", (), ("booking-4",))
        await board.publish(AT + 2, places=HALL, requiring=HALL)
        assert (await published(redis)).version == 2

    on(server, steps)


def test_the_past_is_dropped_and_the_horizon_moves(server: RedisServer) -> None:
    """Of the bundle after the longest that a place may wait, of the store a day later."""

    async def steps(board: AppointmentBoard, redis: Redis) -> None:
        far = booking(2, HORIZON_S + GRACE, HORIZON_S + GRACE + 60)
        await board.book("hall-1", (booking(1, 0, 600), far), ())
        await board.publish(AT, places=HALL, requiring=HALL)
        assert persons(await published(redis)) == [1]
        await board.publish(AT + REFRESH_S, places=HALL, requiring=HALL)
        assert persons(await published(redis)) == [1, 2]
        await board.publish(AT + 600 + GRACE, places=HALL, requiring=HALL)
        assert persons(await published(redis)) == [2]
        key: Any = "v:appointments:hall-1"
        assert await redis.hlen(key) == 2
        await board.publish(AT + 600 + KEPT_S + REFRESH_S, places=HALL, requiring=HALL)
        assert await redis.hkeys(key) == [b"booking-2"]
        assert await redis.expiretime(key) == far.appointment.ends + KEPT_S

    on(server, steps)


def test_a_restart_publishes_what_was_booked_above_the_version_before(server: RedisServer) -> None:
    """Also for a place that had no bundle yet when the process ended."""

    async def steps(board: AppointmentBoard, redis: Redis) -> None:
        await board.publish(AT, places=HALL, requiring=HALL)
        await board.book("hall-1", (booking(1, 60, 120),), ())
        await board.book("hall-2", (booking(2, 60, 120),), ())
        again = AppointmentBoard(redis, BUNDLE, FloorFile(None))
        await again.publish(AT + 1, places=HALL | {"hall-2"}, requiring=HALL)
        found = await published(redis)
        assert (found.version, persons(found)) == (2, [1])
        assert persons(await published(redis, "hall-2")) == [2]

    on(server, steps)


def test_a_booking_that_meets_an_outage_may_come_again(server: RedisServer) -> None:
    """What was not acknowledged is not believed to be there, and what was is not lost."""

    async def steps(board: AppointmentBoard, redis: Redis) -> None:
        await board.book("hall-1", (booking(1, 60, 120),), ())
        server.kill()
        with pytest.raises((RedisError, OSError)):
            await board.book("hall-1", (booking(2, 60, 120),), ())
        server.start()
        await board.publish(AT, places=NOWHERE, requiring=NOWHERE)
        assert persons(await published(redis)) == [1]
        counts = await board.book("hall-1", (booking(1, 60, 120), booking(2, 60, 120)), ())
        assert (counts.booked, counts.known) == (1, 1)

    on(server, steps)


def test_a_place_takes_no_more_than_a_bundle_can_hold(server: RedisServer) -> None:
    """The one too many is refused with all that came beside it."""

    async def steps(board: AppointmentBoard, redis: Redis) -> None:
        many = [booking(person, 60, 120) for person in range(MAX_APPOINTMENTS)]
        await board.book("hall-1", many[1:], ())
        with pytest.raises(BookingRefusedError) as refused:
            await board.book("hall-1", (many[0], booking(MAX_APPOINTMENTS, 60, 120)), ())
        assert (refused.value.code, refused.value.at) == ("appointments.full", 1)
        await board.book("hall-1", many[:1], ())
        await board.publish(AT, places=HALL, requiring=NOWHERE)
        assert len((await published(redis)).entries) == MAX_APPOINTMENTS

    on(server, steps)

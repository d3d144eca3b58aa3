"""POST /v1/appointments: a booking system books and cancels. Scope `appointments`.

One place per request, all or nothing, idempotent by the booking's id. A person is named by index,
or by a reference that is hashed as soon as it is read and goes nowhere else.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from redis.asyncio import Redis

from runtime.clock import now
from runtime.http import bodies
from runtime.http.access import Caller
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from verifier.contract.bundle import Appointment
from verifier.contract.errors import MalformedError
from verifier.issuing.persons import MAX_REFERENCE, ReferenceKey
from verifier.service.issuing.bundles.appointments import Booking, BookingRefusedError
from verifier.service.issuing.bundles.publisher import BundlePublisher
from verifier.service.issuing.checks import store_asked
from verifier.service.store.indices import are_persons
from verifier.service.store.persons import find_persons

MAX_BODY: Final = 512 * 1024
"""Bytes; a thousand bookings by reference take some 300 KB."""
MAX_BOOKED: Final = 1_000
"""Bookings of a request, and cancellations: the store answers others in between."""
MAX_SPAN_S: Final = 86_400
"""Seconds that an appointment may take."""
MAX_AHEAD_S: Final = 2 * 86_400
"""Seconds from now in which it must end: a booking system tells the days that are near."""

Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.-]{8,64}\Z")]
Moment = Annotated[int, Meta(ge=0, lt=1 << 53)]


class RequestedBooking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One to book."""

    id: Id
    begins: Moment = msgspec.field(name="from")
    ends: Moment = msgspec.field(name="to")
    person: Annotated[int, Meta(ge=0, lt=1 << 32)] | None = None
    reference: Annotated[str, Meta(min_length=1, max_length=MAX_REFERENCE)] | None = None

    def __repr__(self) -> str:
        return "Asked(…)"


class BookingRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a booking system sends."""

    place: Annotated[str, Meta(max_length=63)]
    book: Annotated[tuple[RequestedBooking, ...], Meta(max_length=MAX_BOOKED)] = ()
    cancel: Annotated[tuple[Id, ...], Meta(max_length=MAX_BOOKED)] = ()


class BookingAnswer(Struct, frozen=True, kw_only=True):
    """What became of a request."""

    place: str
    booked: int
    known: int
    """Booked before, by the same id."""
    cancelled: int
    unknown: int
    """Ids to be cancelled that are nobody's, or were cancelled before."""


_REQUEST: Final = msgspec.json.Decoder(BookingRequest)


class AppointmentResource:
    """The resource, for the persons of the one list that is issued from."""

    def __init__(
        self, redis: Redis, list_number: int, key: ReferenceKey, bundles: BundlePublisher
    ) -> None:
        self._redis = redis
        self._list_number = list_number
        self._key = key
        self._bundles = bundles

    async def post(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        """Cancel, then book."""
        asked = bodies.decode(await read_json(request, MAX_BODY), _REQUEST, MAX_BODY)
        if asked.place not in self._bundles.places:
            raise Problem(HTTPStatus.NOT_FOUND, "place.unknown", field="$.place")
        _check_times(asked.book, now())
        with store_asked():
            persons = await self._persons(asked.book)
            try:
                counts = await self._bundles.appointments.book(
                    asked.place, self._bookings(asked.book, persons), asked.cancel
                )
            except BookingRefusedError as refused:
                raise _problem(HTTPStatus.CONFLICT, refused.code, refused.at) from None
        return json_response(
            BookingAnswer(
                place=asked.place,
                booked=counts.booked,
                known=counts.known,
                cancelled=counts.cancelled,
                unknown=counts.unknown,
            )
        )

    async def _persons(self, book: tuple[RequestedBooking, ...]) -> list[int]:
        """Return whom each booking names.

        Raises:
            Problem: 400 body.field or reference.bad, 404 person.unknown.
        """
        digests = {}
        for at, one in enumerate(book):
            if (one.person is None) == (one.reference is None):
                raise _problem(HTTPStatus.BAD_REQUEST, "body.field", at)
            if one.reference is not None:
                try:
                    digests[at] = self._key.digest(one.reference)
                except MalformedError:
                    # Without its cause: no trace of the reference may come near a log.
                    raise _problem(HTTPStatus.BAD_REQUEST, "reference.bad", at) from None
        found = await find_persons(self._redis, self._list_number, list(digests.values()))
        persons = [one.person for one in book]
        for at, person in zip(digests, found, strict=True):
            persons[at] = person
        named = [person for person in persons if person is not None]
        are = dict(
            zip(named, await are_persons(self._redis, self._list_number, named), strict=True)
        )
        for at, person in enumerate(persons):
            if person is None or not are[person]:
                raise _problem(HTTPStatus.NOT_FOUND, "person.unknown", at)
        return named

    def _bookings(
        self, book: tuple[RequestedBooking, ...], persons: list[int]
    ) -> Iterator[Booking]:
        for one, person in zip(book, persons, strict=True):
            appointment = Appointment(
                list=self._list_number, person=person, begins=one.begins, ends=one.ends
            )
            yield Booking(id=one.id, appointment=appointment)


def _check_times(book: tuple[RequestedBooking, ...], moment: float) -> None:
    """Refuse what is past, too far ahead, or no span of time.

    Raises:
        Problem: 400 appointment.times.
    """
    for at, one in enumerate(book):
        span = 0 < one.ends - one.begins <= MAX_SPAN_S
        if not span or not moment < one.ends <= moment + MAX_AHEAD_S:
            raise _problem(HTTPStatus.BAD_REQUEST, "appointment.times", at)


def _problem(status: HTTPStatus, code: str, at: int) -> Problem:
    return Problem(status, code, field=f"$.book[{at}]")

"""Appointments by place: kept in the store, published as `appointments-<place>`.

A booking is acknowledged once the store has it, and is published at the next look, so a
place gets a new bundle once a second at most. A place has one from the moment its profile requires
appointments, or from its first booking on; it is signed again once an hour, which moves its horizon
and drops the past. Only this process writes appointments, so they are read from the store once.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from verifier.contract.bundle import MAX_APPOINTMENTS, Appointment, AppointmentsDocument
from verifier.issuing.signing_key import SigningKey
from verifier.sectors.appointments import MAX_GRACE_MINUTES, row
from verifier.service.issuing.bundles.signer import BundleSigner
from verifier.service.process.floors import FloorFile
from verifier.service.store.appointments import (
    KEPT_S,
    Booked,
    drop_booked,
    keep_booked,
    read_booked,
)
from verifier.service.store.bundles import read_versions
from verifier.trust.kinds import APPOINTMENTS

HORIZON_S: Final = 36 * 3600
"""Seconds that a bundle looks ahead: today, and until the next night."""
REFRESH_S: Final = 3600
"""Seconds after which a bundle is signed again: a gate that is cut off knows 35 hours at least."""
_GRACE_S: Final = MAX_GRACE_MINUTES * 60


class BookingRefusedError(Exception):
    """A booking that does not stand beside what is booked; `code` says why, `at` which it is."""

    def __init__(self, code: str, at: int) -> None:
        super().__init__(code)
        self.code = code
        self.at = at


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An appointment under the id that the booking system gave it."""

    id: str
    appointment: Appointment


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of a request."""

    booked: int
    known: int
    """Booked before, by the same id."""
    cancelled: int
    unknown: int
    """Ids to be cancelled that are nobody's, or were cancelled before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What is published for a place."""

    entries: tuple[Appointment, ...]
    at: int


class AppointmentBoard:
    """The appointments of all places, and what is published of them."""

    def __init__(self, redis: Redis, key: SigningKey, floors: FloorFile) -> None:
        self._redis = redis
        self._signer = BundleSigner(redis, key, floors)
        self._turn = asyncio.Lock()
        """Two that book at once would not see each other."""
        self._kept: dict[str, dict[str, Booked]] = {}
        self._signed: dict[str, _Signed] = {}
        self._due: set[str] = set()
        """Places at which something changed."""
        self._laid: frozenset[str] | None = None
        """Places that had a bundle when this process began."""

    async def book(self, place: str, bookings: Iterable[Booking], cancel: Iterable[str]) -> Counts:
        """Cancel, then book, all or none; kept by the store when it returns.

        Raises:
            BookingRefusedError: one of the bookings does not stand; nothing was changed.
            RedisError, OSError: the store is away; the same request may come again.
        """
        async with self._turn:
            await self._load((place,))
            rows = dict(self._kept[place])
            cancelled, unknown = _cancel(rows, cancel)
            booked, known = _book(rows, bookings)
            changed = {*cancelled, *booked}
            try:
                await keep_booked(self._redis, place, rows, changed=changed)
            except BaseException:
                del self._kept[place]  # whether the store has it is not known: read it again
                raise
            self._kept[place] = rows
            if changed:
                self._due.add(place)
        return Counts(booked=len(booked), known=known, cancelled=len(cancelled), unknown=unknown)

    async def publish(
        self, moment: int, *, places: frozenset[str], requiring: frozenset[str]
    ) -> None:
        """Publish what has changed or is an hour old, and what a place that requires it lacks.

        `places` have a profile, `requiring` one that requires appointments.

        Raises:
            RedisError, OSError: the store is away.
        """
        async with self._turn:
            if self._laid is None:
                self._laid = APPOINTMENTS.places(await read_versions(self._redis))
                self._due |= self._laid
            await self._load(places | self._laid | self._due)
            old = {
                place
                for place, signed in self._signed.items()
                if moment - signed.at >= REFRESH_S and (place in requiring or self._kept.get(place))
            }
            lacking = requiring - self._signed.keys()
            for place in sorted(self._due | old | lacking):
                await self._drop_past(place, moment)
                await self._sign(place, moment, again=place in old)
                self._due.discard(place)

    async def _load(self, places: Iterable[str]) -> None:
        missing = sorted(set(places) - self._kept.keys())
        if missing:
            found = await read_booked(self._redis, missing)
            self._kept.update(zip(missing, found, strict=True))
            self._due |= {place for place in missing if self._kept[place]}

    async def _drop_past(self, place: str, moment: int) -> None:
        rows = self._kept[place]
        past = [id_ for id_, it in rows.items() if it.appointment.ends + KEPT_S < moment]
        await drop_booked(self._redis, place, past)
        for id_ in past:
            del rows[id_]

    async def _sign(self, place: str, moment: int, *, again: bool) -> None:
        entries = _entries(self._kept[place], moment)
        signed = self._signed.get(place)
        if signed is not None and signed.entries == entries and not again:
            return
        document = AppointmentsDocument(
            type=APPOINTMENTS.word,
            version=1,
            iat=moment,
            exp=moment + HORIZON_S,
            place=place,
            entries=entries,
        )
        await self._signer.publish(document)
        self._signed[place] = _Signed(entries=entries, at=moment)


def _cancel(rows: dict[str, Booked], ids: Iterable[str]) -> tuple[set[str], int]:
    """Cancel rows; return whose they were, and how many there were not."""
    cancelled, unknown = set(), 0
    for id_ in ids:
        found = rows.get(id_)
        if found is None or found.cancelled:
            unknown += 1
        else:
            rows[id_] = found._replace(cancelled=True)
            cancelled.add(id_)
    return cancelled, unknown


def _book(rows: dict[str, Booked], bookings: Iterable[Booking]) -> tuple[set[str], int]:
    """Add rows; return which, and how many were there already."""
    booked, known = set(), 0
    for at, booking in enumerate(bookings):
        found = rows.get(booking.id)
        if found is not None:
            if found.cancelled:
                raise BookingRefusedError("appointment.cancelled", at)
            if found.appointment != booking.appointment:
                raise BookingRefusedError("appointment.conflict", at)
            known += 1
            continue
        if len(rows) >= MAX_APPOINTMENTS:
            raise BookingRefusedError("appointments.full", at)
        rows[booking.id] = Booked(booking.appointment)
        booked.add(booking.id)
    return booked, known


def _entries(rows: Mapping[str, Booked], moment: int) -> tuple[Appointment, ...]:
    """Return what a bundle signed now says: each once, ascending, nothing that is past."""
    last, first = moment + HORIZON_S + _GRACE_S, moment - _GRACE_S
    there = {
        row(it.appointment): it.appointment
        for it in rows.values()
        if not it.cancelled and it.appointment.begins < last and it.appointment.ends > first
    }
    return tuple(there[key] for key in sorted(there))

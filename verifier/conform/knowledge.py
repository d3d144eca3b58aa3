"""What a line says is known at the gate: trust, planes, rosters, appointments, clock and grant.

The members are those of our own vectors (tests/vectors/README.md). What a line does not name is not
known, but for trust, which has no end then and all sectors enabled, and for the clock, which is
exact. Each member that does not hold spoils the line, by its own fault.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from verifier.conform.lines import BadLine, Members, ProtocolFault
from verifier.contract.bundle import AppointmentsDocument, Roster, RostersDocument
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Plane, Sector
from verifier.errors import BundleRefused
from verifier.groups.roster import NO_ROSTERS, Rosters, open_rosters
from verifier.sectors.appointments import PlaceAppointments, open_appointments
from verifier.status.plane import BITS, PackedValues, PlaneView, Status
from verifier.steps.course import Clock
from verifier.trust.keys import KeyRing
from verifier.trust.signers import Trust

MAX_PLANES: Final = 64
"""Planes of a line; a terminal holds two of each list."""
MAX_SIZE: Final = 1 << 24
"""Values of a stated plane; a city of 18.7 million is asked in parts."""
_GATE: Final = "conform"
_Seconds = Annotated[float, Meta(ge=0, le=253_402_300_799)]
_Index = Annotated[int, Meta(ge=0, lt=MAX_SIZE)]


class _Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    exp: _Seconds | None = None
    sectors_enabled: tuple[int, ...] = tuple(int(sector) for sector in Sector)


class _Plane(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    list: _Index
    plane: Plane
    size: Annotated[int, Meta(ge=1, le=MAX_SIZE)]
    fill: Annotated[int, Meta(ge=0)] = 0
    values: dict[str, Annotated[int, Meta(ge=0)]] = {}
    as_of: _Seconds


class _Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uncertainty: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    sure: bool = True


class _Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    place: str | None = None
    gate: str = _GATE
    direction: Direction = Direction.IN


class _Appointments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    exp: int
    entries: Any


Stated = TypeVar("Stated")


def _read(members: Members, name: str, kind: type[Stated], fault: ProtocolFault) -> Stated | None:
    """Return a member in its form; None where it is not there."""
    if name not in members:
        return None
    try:
        return msgspec.convert(members[name], kind)
    except msgspec.ValidationError as error:
        raise BadLine(fault) from error


def trust_of(members: Members, ring: KeyRing) -> Trust:
    """Return the trust bundle that a line states around its keys.

    Raises:
        BadLine: TRUST.
    """
    stated = _read(members, "trust", _Trust, ProtocolFault.TRUST) or _Trust()
    return Trust(
        version=1,
        expires=math.inf if stated.exp is None else stated.exp,
        ring=ring,
        sectors_enabled=frozenset(stated.sectors_enabled),
    )


def status_of(members: Members) -> Status:
    """Return the planes that a line states.

    Raises:
        BadLine: STATUS, a value or an index that its plane cannot have among them.
    """
    stated = _read(members, "status", tuple[_Plane, ...], ProtocolFault.STATUS) or ()
    if len(stated) > MAX_PLANES:
        raise BadLine(ProtocolFault.STATUS)
    return Status({(each.list, each.plane): _view(each) for each in stated})


def _view(stated: _Plane) -> PlaneView:
    bits, size = BITS[stated.plane], stated.size
    most = (1 << bits) - 1
    if stated.fill > most:
        raise BadLine(ProtocolFault.STATUS)
    whole = sum(stated.fill << at for at in range(0, 8, bits))
    data = bytearray([whole]) * ((size * bits + 7) // 8)
    each = 8 // bits
    for text, value in stated.values.items():
        index = int(text) if text.isascii() and text.isdecimal() else size
        if index >= size or value > most:
            raise BadLine(ProtocolFault.STATUS)
        shift = index % each * bits
        data[index // each] = data[index // each] & ~(most << shift) & 0xFF | value << shift
    if spare := len(data) * 8 - size * bits:
        data[-1] &= 0xFF >> spare
    values = PackedValues(bits=bits, size=size, data=bytes(data))
    return PlaneView(values=values, version=1, as_of=stated.as_of)


def rosters_of(members: Members, place: str) -> Rosters:
    """Return the rosters of the place; `group` is hex.

    Raises:
        BadLine: ROSTERS.
    """
    stated = members.get("rosters")
    if stated is None:
        return NO_ROSTERS
    try:
        rows = [dict(row) | {"group": bytes.fromhex(row["group"])} for row in stated]
        document = RostersDocument(
            type="rosters",
            version=1,
            iat=1,
            exp=2,
            place=place,
            rosters=msgspec.convert(rows, tuple[Roster, ...]),
        )
        return Rosters({place: open_rosters(document)})
    except (TypeError, KeyError, ValueError, MalformedError, BundleRefused) as error:
        raise BadLine(ProtocolFault.ROSTERS) from error


def appointments_of(members: Members, place: str) -> Mapping[str, PlaceAppointments]:
    """Return the appointments of the place.

    Raises:
        BadLine: APPOINTMENTS.
    """
    stated = _read(members, "appointments", _Appointments, ProtocolFault.APPOINTMENTS)
    if stated is None:
        return {}
    opening = {"type": "appointments", "version": 1, "iat": 1, "place": place}
    try:
        document = msgspec.convert(
            opening | {"exp": stated.exp, "entries": stated.entries}, AppointmentsDocument
        )
        return {place: open_appointments(document)}
    except (ValueError, MalformedError, BundleRefused) as error:
        raise BadLine(ProtocolFault.APPOINTMENTS) from error


def clock_of(members: Members, now: float) -> Clock:
    """Return the gate's clock.

    Raises:
        BadLine: CLOCK.
    """
    stated = _read(members, "clock", _Clock, ProtocolFault.CLOCK) or _Clock()
    return Clock(now=now, uncertainty=stated.uncertainty, sure=stated.sure)


def grant_of(members: Members, place: str) -> Grant | None:
    """Return the grant: an entrance of the place unless the line says otherwise; null: none.

    Raises:
        BadLine: GRANT.
    """
    if "grant" in members and members["grant"] is None:
        return None
    stated = _read(members, "grant", _Grant, ProtocolFault.GRANT) or _Grant()
    return Grant(
        terminal=_GATE,
        fingerprint="00" * 32,
        place=place if stated.place is None else stated.place,
        gate=stated.gate,
        direction=stated.direction,
        scopes=(ApiScope.SCAN,),
        state=GrantState.ACTIVE,
        version=1,
    )

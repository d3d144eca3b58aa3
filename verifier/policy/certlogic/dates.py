"""Moments of the rule language: text to milliseconds, offsets, and back to text.

After "plusTime" and "dccDateOfBirth" of the CertLogic specification, 1.3: UTC milliseconds, what
is finer is cut off, partial dates mean their last day, and offsets roll over as the methods
`setUTCFullYear`, `setUTCMonth`, `setUTCDate` and `setUTCHours` of ECMAScript do. No clock here.

With a zone, a date without a time is that day's midnight there, and years, months and days are
counted on the calendar there. Without one all is UTC, as the specification says.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from verifier.policy.certlogic.faults import EvaluationError, Fault, UnreadableDateError

MAX_DATE_CHARS: Final = 64
"""Characters of a date-time; nanoseconds with an offset take 35."""
REMEMBERED_DAYS: Final = 1024
"""Days kept written: today, and those on which documents are issued and end."""
MAX_MILLISECONDS: Final = 8_640_000_000_000_000
"""Milliseconds either side of 1970 that an ECMAScript Date can hold."""

UNITS: Final = ("year", "month", "day", "hour")

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_EPOCH: Final = date(1970, 1, 1).toordinal()
_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - what clocks of any zone show
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097  # days of 400 Gregorian years; lets `date` serve every year

_FULL: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d{1,2})(?::?(\d\d))?)?)?",
    re.ASCII,
)
_PARTIAL: Final = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)


class Instant(int):
    """Milliseconds since 1970-01-01T00:00Z; a type of its own, so that it is never an integer."""

    __slots__ = ()


def parse(text: object, zone: tzinfo | None = None) -> Instant:
    """Read a date-time, a date or a partial date.

    Raises:
        UnreadableDateError: TYPE when it is no text, DATE when it has none of the allowed forms.
    """
    if type(text) is not str:
        raise UnreadableDateError(Fault.TYPE)
    if len(text) > MAX_DATE_CHARS:
        raise UnreadableDateError(Fault.DATE)
    full = _FULL.fullmatch(text)
    if full is None:
        return _at(_partial(text), zone)
    year, month, day, hours, minutes, seconds, fraction, sign, off_hours, off_minutes = (
        full.groups()
    )
    moment = _midnight(int(year), int(month), int(day))
    if hours is None:
        return _at(moment, zone)
    moment += _time_of_day(int(hours), int(minutes), int(seconds))
    if fraction is not None:
        moment += int(fraction[:3].ljust(3, "0"))
    if sign is not None:
        offset = _time_of_day(int(off_hours), int(off_minutes or 0), 0)
        moment += -offset if sign == "+" else offset
    return Instant(moment)


def date_of_birth(text: object, zone: tzinfo | None = None) -> Instant:
    """Read a date of birth, YYYY, YYYY-MM or YYYY-MM-DD; what is unsaid is the last it can be.

    Raises:
        UnreadableDateError: TYPE when it is no text, DATE otherwise.
    """
    if type(text) is str and "T" in text:
        raise UnreadableDateError(Fault.DATE)
    return parse(text, zone)


def plus_time(text: object, amount: int, unit: str, zone: tzinfo | None = None) -> Instant:
    """Read a date-time and move it; a day that the month does not have rolls into the next one.

    Raises:
        UnreadableDateError: as `parse`.
        EvaluationError: DATE beyond the calendar.
    """
    instant = parse(text, zone)
    if amount == 0:
        return instant
    if unit == "hour":
        return _within(instant + amount * _HOUR)
    if zone is None:
        return _within(_moved(instant, amount, unit))
    return _within(_at(_moved(instant + _offset(instant, zone), amount, unit), zone))


def _moved(instant: int, amount: int, unit: str) -> int:
    """Move milliseconds of a calendar by days, months or years."""
    if unit == "day":
        return instant + amount * _DAY
    days, rest = divmod(instant, _DAY)
    cycle, in_cycle = divmod(days + _EPOCH - 1, _CYCLE_DAYS)
    civil = date.fromordinal(in_cycle + 1)
    year, month = civil.year + cycle * _CYCLE_YEARS, civil.month - 1
    if unit == "year":
        year += amount
    else:
        month += amount
    return (_first_of_month(year, month) + civil.day - 1) * _DAY + rest


def iso(instant: Instant) -> str:
    """Write a moment as YYYY-MM-DDThh:mm:ss.sssZ; years beyond 0 to 9999 as ECMAScript does."""
    days, rest = divmod(int(instant), _DAY)
    seconds, milliseconds = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day(days)}T{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}Z"


@lru_cache(maxsize=REMEMBERED_DAYS)
def _day(days: int) -> str:
    """Write a day, counted from 1970-01-01, as YYYY-MM-DD."""
    cycle, in_cycle = divmod(days + _EPOCH - 1, _CYCLE_DAYS)
    civil = date.fromordinal(in_cycle + 1)
    year = civil.year + cycle * _CYCLE_YEARS
    written = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+07d}"
    return f"{written}-{civil.month:02d}-{civil.day:02d}"


def _at(wall: int, zone: tzinfo | None) -> Instant:
    """Return the moment at which clocks in a zone show so many milliseconds since 1970."""
    if zone is None:
        return Instant(wall)
    days, rest = divmod(wall, _DAY)
    return Instant(wall - _shown_offset(days, rest // 1000, zone))


@lru_cache(maxsize=REMEMBERED_DAYS)
def _shown_offset(days: int, seconds: int, zone: tzinfo) -> int:
    """Return the offset in ms where clocks show a time; one that never was is taken as before it.

    Outside the years 1 to 9999, which no zone knows, it is none.
    """
    try:
        shown = _START + timedelta(days=days, seconds=seconds)
        return _milliseconds(shown.replace(tzinfo=zone))
    except OverflowError:
        return 0


def _offset(instant: int, zone: tzinfo) -> int:
    """Return a zone's offset in ms at a moment."""
    try:
        moment = _START.replace(tzinfo=UTC) + timedelta(milliseconds=instant)
        return _milliseconds(moment.astimezone(zone))
    except (OverflowError, ValueError):
        return 0


def _milliseconds(moment: datetime) -> int:
    offset = moment.utcoffset() or timedelta()
    return (offset.days * 86_400 + offset.seconds) * 1000


def _partial(text: str) -> Instant:
    """Read YYYY or YYYY-MM as the last day it may mean."""
    partial = _PARTIAL.fullmatch(text)
    if partial is None:
        raise UnreadableDateError(Fault.DATE)
    year, month = int(partial[1]), int(partial[2] or 12)
    if not 1 <= month <= 12:
        raise UnreadableDateError(Fault.DATE)
    return Instant((_first_of_month(year, month) - 1) * _DAY)  # counted from 0: the month after


def _midnight(year: int, month: int, day: int) -> int:
    """Return the milliseconds of a date that exists."""
    cycle, in_cycle = divmod(year, _CYCLE_YEARS)
    try:
        ordinal = date(in_cycle + _CYCLE_YEARS, month, day).toordinal()
    except ValueError:
        raise UnreadableDateError(Fault.DATE) from None
    return (ordinal + (cycle - 1) * _CYCLE_DAYS - _EPOCH) * _DAY


def _first_of_month(year: int, month: int) -> int:
    """Return the day number of the first of a month counted from 0, of any size and sign."""
    carried, month = divmod(month, 12)
    cycle, in_cycle = divmod(year + carried, _CYCLE_YEARS)
    ordinal = date(in_cycle + _CYCLE_YEARS, month + 1, 1).toordinal()
    return ordinal + (cycle - 1) * _CYCLE_DAYS - _EPOCH


def _time_of_day(hours: int, minutes: int, seconds: int) -> int:
    if hours > 23 or minutes > 59 or seconds > 59:
        raise UnreadableDateError(Fault.DATE)
    return hours * _HOUR + minutes * 60_000 + seconds * 1000


def _within(milliseconds: int) -> Instant:
    if not -MAX_MILLISECONDS <= milliseconds <= MAX_MILLISECONDS:
        raise EvaluationError(Fault.DATE)
    return Instant(milliseconds)

"""Moments of the rule language: text to milliseconds, offsets, and back to text.

After "plusTime" and "dccDateOfBirth" of the CertLogic specification, 1.3: UTC milliseconds, what
is finer is cut off, partial dates mean their last day, and offsets roll over as the methods
`setUTCFullYear`, `setUTCMonth`, `setUTCDate` and `setUTCHours` of ECMAScript do. No clock here.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Final

from verifier.policy.certlogic.faults import EvaluationError, Fault

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


def parse(text: object) -> Instant:
    """Read a date-time, a date or a partial date.

    Raises:
        EvaluationError: TYPE when it is no text, DATE when it has none of the allowed forms.
    """
    if type(text) is not str:
        raise EvaluationError(Fault.TYPE)
    if len(text) > MAX_DATE_CHARS:
        raise EvaluationError(Fault.DATE)
    full = _FULL.fullmatch(text)
    if full is None:
        return _partial(text)
    year, month, day, hours, minutes, seconds, fraction, sign, off_hours, off_minutes = (
        full.groups()
    )
    moment = _midnight(int(year), int(month), int(day))
    if hours is None:
        return Instant(moment)
    moment += _time_of_day(int(hours), int(minutes), int(seconds))
    if fraction is not None:
        moment += int(fraction[:3].ljust(3, "0"))
    if sign is not None:
        offset = _time_of_day(int(off_hours), int(off_minutes or 0), 0)
        moment += -offset if sign == "+" else offset
    return Instant(moment)


def date_of_birth(text: object) -> Instant:
    """Read a date of birth, YYYY, YYYY-MM or YYYY-MM-DD; what is unsaid is the last it can be.

    Raises:
        EvaluationError: TYPE when it is no text, DATE otherwise.
    """
    if type(text) is str and "T" in text:
        raise EvaluationError(Fault.DATE)
    return parse(text)


def plus_time(text: object, amount: int, unit: str) -> Instant:
    """Read a date-time and move it; a day that the month does not have rolls into the next one.

    Raises:
        EvaluationError: as `parse`, and DATE beyond the calendar.
    """
    instant = parse(text)
    if amount == 0:
        return instant
    if unit == "hour":
        return _within(instant + amount * _HOUR)
    if unit == "day":
        return _within(instant + amount * _DAY)
    days, rest = divmod(instant, _DAY)
    cycle, in_cycle = divmod(days + _EPOCH - 1, _CYCLE_DAYS)
    civil = date.fromordinal(in_cycle + 1)
    year, month = civil.year + cycle * _CYCLE_YEARS, civil.month - 1
    if unit == "year":
        year += amount
    else:
        month += amount
    return _within((_first_of_month(year, month) + civil.day - 1) * _DAY + rest)


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


def _partial(text: str) -> Instant:
    """Read YYYY or YYYY-MM as the last day it may mean."""
    partial = _PARTIAL.fullmatch(text)
    if partial is None:
        raise EvaluationError(Fault.DATE)
    year, month = int(partial[1]), int(partial[2] or 12)
    if not 1 <= month <= 12:
        raise EvaluationError(Fault.DATE)
    return Instant((_first_of_month(year, month) - 1) * _DAY)  # counted from 0: the month after


def _midnight(year: int, month: int, day: int) -> int:
    """Return the milliseconds of a date that exists."""
    cycle, in_cycle = divmod(year, _CYCLE_YEARS)
    try:
        ordinal = date(in_cycle + _CYCLE_YEARS, month, day).toordinal()
    except ValueError:
        raise EvaluationError(Fault.DATE) from None
    return (ordinal + (cycle - 1) * _CYCLE_DAYS - _EPOCH) * _DAY


def _first_of_month(year: int, month: int) -> int:
    """Return the day number of the first of a month counted from 0, of any size and sign."""
    carried, month = divmod(month, 12)
    cycle, in_cycle = divmod(year + carried, _CYCLE_YEARS)
    ordinal = date(in_cycle + _CYCLE_YEARS, month + 1, 1).toordinal()
    return ordinal + (cycle - 1) * _CYCLE_DAYS - _EPOCH


def _time_of_day(hours: int, minutes: int, seconds: int) -> int:
    if hours > 23 or minutes > 59 or seconds > 59:
        raise EvaluationError(Fault.DATE)
    return hours * _HOUR + minutes * 60_000 + seconds * 1000


def _within(milliseconds: int) -> Instant:
    if not -MAX_MILLISECONDS <= milliseconds <= MAX_MILLISECONDS:
        raise EvaluationError(Fault.DATE)
    return Instant(milliseconds)

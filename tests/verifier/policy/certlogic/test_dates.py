"""Moments of the rule language: forms, rounding, and how offsets roll over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.policy.certlogic import EvaluationError, Fault
from verifier.policy.certlogic.dates import (
    MAX_DATE_CHARS,
    Instant,
    date_of_birth,
    iso,
    parse,
    plus_time,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021", "2021-12-31T00:00:00.000Z"),
        ("2021-02", "2021-02-28T00:00:00.000Z"),
        ("2024-02", "2024-02-29T00:00:00.000Z"),
        ("2021-12", "2021-12-31T00:00:00.000Z"),
        ("0000", "0000-12-31T00:00:00.000Z"),
        ("0000-02-29", "0000-02-29T00:00:00.000Z"),
        ("9999-12", "9999-12-31T00:00:00.000Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999Z"),
        ("2021-06-01T01:02:03", "2021-06-01T01:02:03.000Z"),
        ("2021-06-01T01:02:03Z", "2021-06-01T01:02:03.000Z"),
        ("2021-06-01T01:02:03+1", "2021-06-01T00:02:03.000Z"),
        ("2021-06-01T01:02:03+01", "2021-06-01T00:02:03.000Z"),
        ("2021-06-01T01:02:03-130", "2021-06-01T02:32:03.000Z"),
        ("2021-06-01T01:02:03-0130", "2021-06-01T02:32:03.000Z"),
        ("2021-06-01T01:02:03-1:30", "2021-06-01T02:32:03.000Z"),
        ("2021-06-01T01:02:03+05:45", "2021-05-31T19:17:03.000Z"),
        ("2021-06-01T01:02:03.4", "2021-06-01T01:02:03.400Z"),
        ("2021-06-01T01:02:03.45Z", "2021-06-01T01:02:03.450Z"),
        ("2021-06-01T01:02:03.0009+00:00", "2021-06-01T01:02:03.000Z"),
        ("2021-06-01T01:02:03.9999", "2021-06-01T01:02:03.999Z"),
    ],
)
def test_reads(text: str, expected: str) -> None:
    """Each allowed form means one moment; what is finer than a millisecond is cut off."""
    assert iso(parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "21", "20210601", "2021-6-1", "2021-00", "2021-13", "2021-06-00", "2021-06-31",
        "2021-02-29", "1900-02-29", "2021-06-01Z", "2021-06-01T", "2021-06-01T01:02",
        "2021-06-01 01:02:03", "2021-06-01t01:02:03z", "2021-06-01T24:00:00",
        "2021-06-01T01:60:00", "2021-06-01T01:02:60", "2021-06-01T01:02:03.",
        "2021-06-01T01:02:03+",
        "2021-06-01T01:02:03+24:00", "2021-06-01T01:02:03+01:60", "2021-06-01T01:02:03+1:2",
        "2021-06-01T01:02:03+12345", "2021-06-01T01:02:03ZZ", "2021-06-01\n", "+02021-06-01",
        "２０２１-06-01", "2021-06-01T01:02:03." + "1" * MAX_DATE_CHARS,
    ],
)  # fmt: skip
def test_refuses(text: str) -> None:
    """Nothing else is a date: no other form, and no day or hour that does not exist."""
    with pytest.raises(EvaluationError) as caught:
        parse(text)
    assert caught.value.fault is Fault.DATE


@pytest.mark.parametrize(
    ("text", "amount", "unit", "expected"),
    [
        ("2020-02-29", 1, "day", "2020-03-01T00:00:00.000Z"),
        ("2020-02-29", 1, "month", "2020-03-29T00:00:00.000Z"),
        ("2020-02-29", 1, "year", "2021-03-01T00:00:00.000Z"),
        ("2020-02-29", -1, "year", "2019-03-01T00:00:00.000Z"),
        ("2020-02-29", 4, "year", "2024-02-29T00:00:00.000Z"),
        ("2021-01-31", 1, "month", "2021-03-03T00:00:00.000Z"),
        ("2021-03-31", -1, "month", "2021-03-03T00:00:00.000Z"),
        ("2021-01-31T10:00:00Z", -14, "month", "2019-12-01T10:00:00.000Z"),
        ("2021-12-31", 12, "month", "2022-12-31T00:00:00.000Z"),
        ("2021-03-28T00:30:00+01:00", 24, "hour", "2021-03-28T23:30:00.000Z"),
        ("2004", 18, "year", "2022-12-31T00:00:00.000Z"),
        ("2021-01-01", -2022, "year", "-000001-01-01T00:00:00.000Z"),
        ("2021-01-01", 7979, "year", "+010000-01-01T00:00:00.000Z"),
        ("2021-01-01", 0, "month", "2021-01-01T00:00:00.000Z"),
    ],
)
def test_moves(text: str, amount: int, unit: str, expected: str) -> None:
    """Offsets roll over as ECMAScript's Date does, through every year that it can hold."""
    assert iso(plus_time(text, amount, unit)) == expected


@pytest.mark.parametrize("unit", ["year", "month", "day", "hour"])
@pytest.mark.parametrize("amount", [2**53 - 1, 1 - 2**53])
def test_leaves_the_calendar(unit: str, amount: int) -> None:
    """Beyond what a Date can hold there is no moment."""
    with pytest.raises(EvaluationError) as caught:
        plus_time("2021-01-01", amount, unit)
    assert caught.value.fault is Fault.DATE


@pytest.mark.parametrize("text", ["", "2021-06-01T00:00:00Z", "2021-06-01T", "x", "2021-06-01Z"])
def test_date_of_birth_has_no_time(text: str) -> None:
    """A date of birth is a date, whole or partial."""
    with pytest.raises(EvaluationError) as caught:
        date_of_birth(text)
    assert caught.value.fault is Fault.DATE


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001
def test_agrees_with_datetime(moment: datetime) -> None:
    """Reading, writing and counting agree with Python's own calendar."""
    moment = moment.replace(tzinfo=UTC)
    text = moment.isoformat(timespec="microseconds")
    instant = parse(text)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert instant == (moment - epoch) // timedelta(milliseconds=1)
    assert iso(instant) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert parse(iso(instant)) == instant


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.integers(-20_000, 20_000),
    st.sampled_from(["day", "hour"]),
)
def test_days_and_hours_are_of_one_length(moment: datetime, amount: int, unit: str) -> None:
    """A day is 24 hours, whatever a wall clock does."""
    text = moment.isoformat(timespec="milliseconds")
    length = timedelta(days=amount) if unit == "day" else timedelta(hours=amount)
    expected = parse((moment + length).isoformat(timespec="milliseconds"))
    assert plus_time(text, amount, unit) == expected


@given(st.integers(1900, 2100), st.integers(1, 12), st.integers(1, 28), st.integers(-3000, 3000))
def test_months_keep_the_day(year: int, month: int, day: int, amount: int) -> None:
    """A day that every month has stays that day, and twelve months are a year."""
    text = f"{year}-{month:02d}-{day:02d}"
    moved = plus_time(text, amount, "month")
    carried, expected = divmod(year * 12 + month - 1 + amount, 12)
    if 0 <= carried <= 9999:
        assert iso(moved) == f"{carried:04d}-{expected + 1:02d}-{day:02d}T00:00:00.000Z"
    assert plus_time(text, 12 * amount, "month") == plus_time(text, amount, "year")


@given(st.text(max_size=40) | st.integers() | st.none() | st.booleans())
def test_nothing_else_comes_out(anything: object) -> None:
    """Whatever is read, it is a moment or one kind of error."""
    outcome: object
    try:
        outcome = type(parse(anything))
    except EvaluationError as error:
        outcome = error.fault
    assert outcome in (Instant, Fault.DATE, Fault.TYPE)

"""Moments: every form of offset that files carry, and what is none."""

import pytest

from verifier.conform.lines import BadLine, ProtocolFault
from verifier.conform.moments import unix_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01t00:00z", 0),
        ("1970-01-01 00:00:00", 0),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T02:00:00+0200", 0),
        ("1970-01-01T02:00:00+02", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("2021-07-02T07:44:21+0000", 1_625_211_861),
        ("2021-06-08T20:17:27.9906293Z", 1_623_183_447.9906293),
        ("2021-08-19T10:01:55,5Z", 1_629_367_315.5),
        ("1969-12-31T23:59:59.25Z", -0.75),
    ],
)
def test_forms(text: str, seconds: float) -> None:
    """With and without seconds, fractions and offsets; none is UTC."""
    assert unix_seconds(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2021-05-03", "2021-05-03T", "20210503T180000Z", "2021-05-03T18:00:00+2"),
        *("2021-02-29T00:00:00Z", "2021-13-01T00:00:00Z", "2021-05-03T24:00:00Z"),
        *("2021-05-03T18:00:60Z", "2021-05-03T18:00:00+24:00", "2021-05-03T18:00:00+00:60"),
        *("2021-05-03T18:00:00.Z", "2021-05-03T18:00:00Z ", "٢٠٢١-05-03T18:00:00Z"),
        *(None, 1_620_064_800, True, ["2021-05-03T18:00:00Z"]),
    ],
)
def test_what_is_no_moment(text: object) -> None:
    """Out of the calendar, of another type, or with anything around."""
    with pytest.raises(BadLine) as refused:
        unix_seconds(text)
    assert refused.value.fault is ProtocolFault.AT

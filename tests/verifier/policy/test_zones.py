"""Zones: names, days, and whose data counts."""

import zoneinfo
from collections.abc import Iterator
from datetime import date

import pytest

from verifier.policy.zones import day_in, end_of_day, zone_of

MIDNIGHT = 1_796_054_400
"""2026-12-01T00:00 in Guangzhou."""


@pytest.fixture
def no_host_data() -> Iterator[None]:
    """Hide the host's zones."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(())
    zone_of.cache_clear()
    yield
    zoneinfo.reset_tzpath(before)
    zone_of.cache_clear()


def test_the_day_of_a_place() -> None:
    """It turns at midnight there."""
    zone = zone_of("Asia/Shanghai")
    assert day_in(zone, MIDNIGHT - 1) == date(2026, 11, 30)
    assert day_in(zone, MIDNIGHT) == date(2026, 12, 1)
    assert end_of_day(zone, date(2026, 11, 30)) == MIDNIGHT - 1
    assert day_in(zone_of("UTC"), MIDNIGHT) == date(2026, 11, 30)


@pytest.mark.parametrize("name", ["Asia/Nowhere", "Asia", "", "../Asia/Shanghai", "/etc/localtime"])
def test_a_name_that_is_none(name: str) -> None:
    """The error begins with the field."""
    with pytest.raises(ValueError, match=r"\Azone "):
        zone_of(name)


@pytest.mark.usefixtures("no_host_data")
def test_the_hosts_data_is_not_needed() -> None:
    """Two machines with different data would turn one person away at one gate only."""
    pytest.importorskip("tzdata", reason="the lock names it; this environment is older")
    assert day_in(zone_of("Asia/Shanghai"), MIDNIGHT) == date(2026, 12, 1)
    with pytest.raises(ValueError, match=r"\Azone "):
        zone_of("Asia/Nowhere")

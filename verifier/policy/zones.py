"""Zones: which day it is at a place. Names are IANA's; offsets come from the package `tzdata`.

The host's own data is asked only where the package is not installed: two machines with different
data would turn one person away at one gate and not at the next. Pure but for reading that data
once for each zone.
"""

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

DEFAULT_ZONE: Final = "Asia/Shanghai"
"""Where no profile says otherwise: China has one zone."""
ZONE_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9][A-Za-z0-9_+-]{0,31}){0,2}\Z"
"""How IANA names a zone; no dots, so that no name leads out of the folder."""
_PACKAGE: Final = "tzdata"
_FOLDER: Final = "zoneinfo"


@lru_cache
def zone_of(name: str) -> tzinfo:
    """Return a zone by its name.

    Raises:
        ValueError: there is none of this name; its text begins with the field.
    """
    if name == "UTC":
        return UTC
    try:
        return _packaged(name) or ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"zone is none of IANA's: {name!r}") from error


def _packaged(name: str) -> tzinfo | None:
    """Return a zone by the package's data; None: the package is not installed."""
    try:
        folder = resources.files(_PACKAGE)
    except ModuleNotFoundError:
        return None
    with folder.joinpath(_FOLDER, *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def day_in(zone: tzinfo, at: float) -> date:
    """Return which day it is in a zone at a moment, Unix seconds."""
    return datetime.fromtimestamp(at, zone).date()


def end_of_day(zone: tzinfo, day: date) -> float:
    """Return the last second of a day in a zone, Unix seconds."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=zone).timestamp()

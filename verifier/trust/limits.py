"""Limits on what a signed document may say of itself: when it was issued, and its version. Pure."""

from typing import Final, NamedTuple

from verifier.errors import BundleCause, BundleRefused
from verifier.trust.floors import MAX_VERSION, Floor, max_step

AHEAD_S: Final = 300
"""Seconds that a document may be issued ahead of now: clocks of one city differ by less."""


class Times(NamedTuple):
    """When something was issued and ends, when it is judged, and whether it was held before."""

    iat: float
    exp: float
    now: float
    held: bool


def check_issued(iat: float, now: float) -> None:
    """Refuse what says that it was issued later than it is.

    Raises:
        BundleRefused: FUTURE.
    """
    if iat > now + AHEAD_S:
        raise BundleRefused(BundleCause.FUTURE, "issued later than it is")


def check_times(times: Times, *, same: bool, time_floor: float) -> None:
    """Refuse what has ended, and what says that it was issued later than it is.

    What is held and stands at the floor (`same`) was accepted before: a clock that is not set yet
    must not take it away. `time_floor`: Unix seconds; what ends before has ended.

    Raises:
        BundleRefused: FUTURE, EXPIRED.
    """
    if not (times.held and same):
        check_issued(times.iat, times.now)
    if max(times.now, time_floor) > times.exp and not times.held:
        raise BundleRefused(BundleCause.EXPIRED, "expired before it arrived")


def check_version(version: int, floor: Floor | None, *, plane: bool = False) -> None:
    """Refuse a version that nobody reaches honestly.

    Raises:
        BundleRefused: LEAP.
    """
    far = floor is not None and version - floor.version > max_step(plane=plane)
    if version > MAX_VERSION or far:
        raise BundleRefused(BundleCause.LEAP, "a version too far above the one before")

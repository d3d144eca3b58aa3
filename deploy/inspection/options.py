"""What a call asks: keys or a house, a profile or none, a moment; words in, `Asked` out."""

import asyncio
import re
import time
from pathlib import Path
from typing import Final

from deploy.inspection.knowledge import (
    InspectionKnowledge,
    from_files,
    from_house,
    from_source,
    is_house,
)
from deploy.local.doors import opened
from deploy.local.errors import AwayError, UsageError
from deploy.trust.store import read
from verifier.conform.lines import BadLine
from verifier.conform.moments import unix_seconds
from verifier.errors import ProfileError
from verifier.policy.profiles import MAX_PROFILE_BYTES, ResolvedProfile, read_profile, resolve

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def moment(text: str | None, option: str = "--at") -> float:
    """Read a moment (ISO 8601, no offset: UTC; a day: its start) as Unix seconds; None is now.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return time.time()
    try:
        return unix_seconds(f"{text}T00:00" if _DAY.fullmatch(text) else text)
    except BadLine as error:
        raise UsageError(
            f"{option} {text[:40]!r}: write a date and time as 2026-11-24T08:30Z"
        ) from error


def place(path: Path | None) -> ResolvedProfile | None:
    """Read a profile file.

    Raises:
        UsageError: it cannot be read, or is no profile.
    """
    if path is None:
        return None
    try:
        return resolve(read_profile(read(path, MAX_PROFILE_BYTES)), 1)
    except ProfileError as error:
        raise UsageError(f"{path}: {error}") from error


def knowing(path: Path, profile: ResolvedProfile | None = None) -> InspectionKnowledge:
    """Know what a house knows (of one place: the profile's), or what keys are offered.

    Raises:
        LocalError: neither is there, or a door refuses.
    """
    try:
        house = is_house(path)
        there = path.exists()
    except PermissionError as error:
        raise UsageError(f"{path} belongs to another account; run this as root") from error
    if house:
        return _from_house(path, None if profile is None else profile.profile.place)
    if not there:
        raise UsageError(
            f"{path}: no house and no keys there; start one with `kapok up`, or name keys: --trust"
        )
    return from_files(path)


def _from_house(data: Path, at: str | None) -> InspectionKnowledge:
    async def ask() -> InspectionKnowledge:
        async with opened(data) as doors:
            return await from_house(doors, data, at)

    try:
        return asyncio.run(ask())
    except AwayError:
        return from_source(data)

"""What a call asks: keys or a house, a profile or none, a moment; words in, `Asked` out."""

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.inspection.knowledge import (
    InspectionKnowledge,
    from_files,
    from_house,
    from_source,
    is_house,
)
from deploy.local.disk_errors import closed
from deploy.local.doors import opened
from deploy.local.errors import AwayError, UsageError
from deploy.trust.store import read
from verifier.conform.lines import BadLine
from verifier.conform.moments import unix_seconds
from verifier.errors import ProfileError
from verifier.policy.products import Products
from verifier.policy.profiles import (
    MAX_PROFILE_BYTES,
    Profile,
    ResolvedProfile,
    read_profile,
    resolve,
)
from verifier.policy.rules import RuleSet, read_rule
from verifier.service.issuing.bundles.rule_files import read_rule_files
from verifier.trust.known import Known

_PLACE: Final = re.compile(r"[a-z0-9-]{1,64}")
MAX_PLACES_NAMED: Final = 8
"""Places that an error names."""
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


def read_place(path: Path | None, rules: Path | None = None) -> ResolvedProfile | None:
    """Read a profile file, and the folder of rules that it asks; without one, no rule is known.

    Raises:
        UsageError: either cannot be read, is wrong, or there is no profile that asks the rules.
    """
    if path is None:
        if rules is not None:
            raise UsageError("--rules needs --profile, which says whose rules are asked")
        return None
    if _PLACE.fullmatch(str(path)) and not path.exists():
        raise UsageError(f"--profile {path}: no such file; a place of the house: --place {path}")
    try:
        profile = read_profile(read(path, MAX_PROFILE_BYTES))
        return resolve(profile, 1) if rules is None else _with_rules(profile, rules)
    except ProfileError as error:
        raise UsageError(f"{path}: {error}") from error


def place_of_house(known: Known, place: str, source: Path) -> ResolvedProfile:
    """Return what a place of a house asks.

    Raises:
        UsageError: the house that was asked has no such place, or no house was asked.
    """
    found = known.profiles.at(place)
    if found is not None:
        return found
    places = known.profiles.places()
    if not places:
        raise UsageError(
            f"--place {place}: no running house was asked ({source}), so what the place asks is"
            " not known; start it, or name a file: --profile"
        )
    raise UsageError(
        f"--place {place[:80]!r}: the house has no such place; {_some(places)};"
        " `kapok terminals` says at which of them a terminal stands"
    )


def _some(places: Sequence[str]) -> str:
    more = "" if len(places) <= MAX_PLACES_NAMED else f" and {len(places) - MAX_PLACES_NAMED} more"
    return f"it has {', '.join(places[:MAX_PLACES_NAMED])}{more}"


def _with_rules(profile: Profile, folder: Path) -> ResolvedProfile:
    """Ask of a place what a folder of rules says, as it goes out to gates.

    Raises:
        UsageError: it is no folder, or a file in it is wrong.
        RuleError, ProfileError: its rules do not fit together.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no folder of rules")
    said = read_rule_files(folder)
    wrong = said.warning()
    if wrong is not None:
        raise UsageError(f"{folder}: {wrong}")
    listed = said.catalogue()
    return resolve(
        profile,
        1,
        RuleSet(map(read_rule, map(str.encode, said.all_rules()))),
        said.all_value_sets(),
        None if listed is None else Products(listed),
    )


def knowing(path: Path, place: str | None = None) -> InspectionKnowledge:
    """Know what a house knows (of one place, if it is named), or what keys are offered.

    Raises:
        LocalError: neither is there, or a door refuses.
    """
    try:
        house = is_house(path)
        there = path.exists()
    except PermissionError as error:
        raise UsageError(closed(path)) from error
    if house:
        return _from_house(path, place)
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

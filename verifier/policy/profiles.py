"""Profiles: what a place asks. One TOML file for each place; errors name the field.

Unknown means no. The outage stance has no default on purpose: somebody must have decided what a
place does when it cannot know. Which profile holds where is the place's id; place ids are made by
the fleet.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Annotated, Any, Final

import msgspec

from verifier.contract.bundle import ProfilesDocument
from verifier.contract.vocabulary import (
    Colour,
    Direction,
    DocumentForm,
    Format,
    Kind,
    Sector,
    Stance,
)
from verifier.errors import ProfileError
from verifier.policy.products import Products
from verifier.policy.profile_words import Colours, check_coloured, check_static, of_city, one_of
from verifier.policy.rules import DOCUMENTS, RuleSet, read_rule
from verifier.policy.zones import DEFAULT_ZONE, ZONE_PATTERN, zone_of
from verifier.sectors.appointments import MAX_GRACE_MINUTES

MAX_PROFILE_BYTES: Final = 64 * 1024
"""Bytes of a profile file."""
MAX_STATUS_AGE: Final = 7 * 86_400
"""Seconds; older status than a week is never current, whatever a profile says."""
MAX_USE_SECONDS: Final = 86_400
"""Seconds a use or an entry is remembered: no longer than the store keeps scans."""

ZONE: Final = "zone:"
"""How a scope that several places share begins."""
ZONE_FIELDS: Final = ("once_for", "pair", "pair_for")
"""What the profiles of one zone must say alike: a use that one of them takes binds all."""

NO_RULES: Final = RuleSet(())

# \Z, not $: the latter lets a newline follow.
_ID: Final = r"^[a-z0-9][a-z0-9-]{1,62}\Z"
_FIELD: Final = re.compile(r"\$\.([A-Za-z0-9_.\[\]]+)")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]+)`")
_MISSING: Final = re.compile(r"missing required field `([^`]+)`")

PlaceId = Annotated[str, msgspec.Meta(pattern=_ID)]
Seconds = Annotated[int, msgspec.Meta(ge=0)]
Grace = Annotated[int, msgspec.Meta(ge=0, le=MAX_GRACE_MINUTES)]


class UseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a person may pass, and how many may be inside."""

    scope: Annotated[str, msgspec.Meta(pattern=r"^(gate|place|zone:[a-z0-9][a-z0-9-]{1,62})\Z")]
    """gate, place, or zone:<name> such as zone:metro."""
    once_for: Annotated[int, msgspec.Meta(ge=60, le=MAX_USE_SECONDS)]
    """Seconds in which a person passes once in this scope and direction."""
    pair: bool = False
    """An entry must precede an exit, and the reverse."""
    pair_for: Annotated[int, msgspec.Meta(ge=60, le=MAX_USE_SECONDS)] = 14_400
    """Seconds after which an entry without an exit is forgotten."""
    capacity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    """People who may be inside at once; counted by entries and exits."""

    def scope_name(self, place: str, gate: str) -> str:
        """Return the name of the use scope at a gate."""
        if self.scope == "gate":
            return f"gate:{place}/{gate}"
        return f"place:{place}" if self.scope == "place" else self.scope


class GroupRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a group meets here. Members who had passed already never end it, whatever this says."""

    exceptions: Annotated[str, msgspec.Meta(pattern=r"^(deny|review)\Z")] = "deny"
    """Of members whose colour does not pass. deny, or review: a person decides."""
    max_roster_age: Annotated[int, msgspec.Meta(ge=60, le=7 * 86_400)] = 86_400
    """Seconds; the oldest roster this place takes."""


class RulesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules a document must pass; all that apply, each of them."""

    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")]
    """Whose acceptance rules."""
    region: Annotated[str, msgspec.Meta(max_length=5)] | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one place asks."""

    place: PlaceId
    stance: Stance
    """open or closed when unsure; required."""
    formats: Annotated[tuple[Format, ...], msgspec.Meta(min_length=1)]
    kinds: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("personal",)
    static: bool | tuple[Format, ...] = False
    """The formats of which codes without a phone's proof pass: paper, pictures. A bool says it of
    CC1, where no other format is taken; HC1 and SHC have no other codes."""
    window: Annotated[int, msgspec.Meta(ge=5, le=600)] = 60
    """Seconds that a proof stays fresh."""
    audience: bool = False
    """Whether a proof must name this use scope."""
    sector: str | None = None
    """hall, transit, culture or health: the code must be enabled for it."""
    colours: Colours = ()
    """Colours that pass, for CC1: the others have none. A list where CC1 is the only format, else a
    table by format. Empty: health is not asked and its plane not needed."""
    review_colours: Colours = ()
    """Colours that a person looks at; written as `colours`."""
    max_status_age: Annotated[int, msgspec.Meta(ge=1, le=MAX_STATUS_AGE)] = 86_400
    """Seconds; older status is unsure, and the stance decides."""
    use: UseRule | None = None
    group: GroupRule = GroupRule()
    zone: Annotated[str, msgspec.Meta(pattern=ZONE_PATTERN)] = DEFAULT_ZONE
    """IANA name of the zone whose days count here: in rules, and in what documents say of days."""
    rules: RulesAsked | None = None
    """Needed where HC1 or SHC is taken: nothing else says what is asked of them."""
    appointment: Annotated[str, msgspec.Meta(pattern=r"^required\Z")] | None = None
    """required: whoever comes in must be expected here about now."""
    early_minutes: Grace = 0
    """Minutes before an appointment begins in which its person is let in."""
    late_minutes: Grace = 0
    """Minutes after it ends."""

    def __post_init__(self) -> None:
        one_of("kinds", self.kinds, {kind.name.lower() for kind in Kind})
        one_of("colours", self.passing_colours, {"green", "yellow"})
        one_of("review_colours", self.reviewed_colours, {"yellow", "red", "none"})
        if self.sector is not None:
            one_of("sector", (self.sector,), {sector.name.lower() for sector in Sector})
        if set(self.passing_colours) & set(self.reviewed_colours):
            raise ValueError("review_colours repeats one of colours")
        if self.reviewed_colours and not self.passing_colours:
            raise ValueError("review_colours without colours")
        if self.appointment is None and (self.early_minutes or self.late_minutes):
            raise ValueError("early_minutes or late_minutes without appointment")
        if self.appointment is not None and set(self.kinds) != {"personal"}:
            raise ValueError("appointment is one person's: kinds takes personal alone")
        _check_formats(self)
        zone_of(self.zone)

    @property
    def static_formats(self) -> frozenset[Format]:
        """The formats of which codes without a phone's proof pass."""
        if isinstance(self.static, tuple):
            return frozenset(self.static)
        return frozenset({Format.CC1}) if self.static else frozenset()

    @property
    def passing_colours(self) -> tuple[str, ...]:
        """The colours that pass, in either way of writing them."""
        return of_city(self.colours)

    @property
    def reviewed_colours(self) -> tuple[str, ...]:
        """The colours that a person looks at, in either way of writing them."""
        return of_city(self.review_colours)


def _check_formats(profile: Profile) -> None:
    """Refuse what a profile says of formats where it means nothing, or does not say which it means.

    Raises:
        ValueError: its text begins with the field.
    """
    formats = set(profile.formats)
    check_static(profile.static, profile.static_formats, formats)
    for field in ("colours", "review_colours"):
        check_coloured(field, getattr(profile, field), formats)
    foreign = sorted(formats & DOCUMENTS)
    if foreign:
        _check_foreign(profile, foreign[0])
    elif profile.rules is not None:
        raise ValueError("rules are for HC1 and SHC, which formats does not name")
    if Format.CC1 not in formats and profile.audience:
        raise ValueError("audience is of CC1 alone, which formats does not name")


def _check_foreign(profile: Profile, one: Format) -> None:
    """Refuse what no foreign document could meet, and a profile that asks nothing of it."""
    if profile.rules is None:
        raise ValueError(f"rules must say what is asked of {one}: nothing else does")
    if profile.sector is not None:
        raise ValueError(f"sector is of CC1 alone: no {one} could pass")
    if profile.appointment is not None:
        raise ValueError(f"appointment is of CC1 alone: no {one} could pass")
    if "personal" not in profile.kinds:
        raise ValueError(f"kinds must name personal where {one} is taken")


class ResolvedProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A profile with its words turned into what `assess` compares."""

    profile: Profile
    version: int
    formats: frozenset[Format]
    kinds: frozenset[Kind]
    sector: Sector | None
    static: frozenset[Format]
    passing: frozenset[int]
    reviewing: frozenset[int]
    open_stance: bool
    rules: RuleSet = NO_RULES
    """All rules there are; which apply depends on document and time."""
    value_sets: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    documents: frozenset[DocumentForm] = frozenset()
    """Documents that rules asked here read."""
    products: Products | None = None
    zone: tzinfo = UTC


def resolve(
    profile: Profile,
    version: int,
    rules: RuleSet = NO_RULES,
    value_sets: Mapping[str, tuple[str, ...]] | None = None,
    products: Products | None = None,
) -> ResolvedProfile:
    """Turn a profile's words into sets, once, not at every scan."""
    asked = profile.rules
    return ResolvedProfile(
        profile=profile,
        version=version,
        formats=frozenset(profile.formats),
        kinds=frozenset(Kind[kind.upper()] for kind in profile.kinds),
        sector=None if profile.sector is None else Sector[profile.sector.upper()],
        static=profile.static_formats,
        passing=frozenset(int(Colour[colour.upper()]) for colour in profile.passing_colours),
        reviewing=frozenset(int(Colour[colour.upper()]) for colour in profile.reviewed_colours),
        open_stance=profile.stance is Stance.OPEN,
        rules=rules,
        value_sets=dict(value_sets or {}),
        documents=frozenset() if asked is None else rules.forms(asked.country, asked.region),
        products=products,
        zone=zone_of(profile.zone),
    )


def read_profile(data: bytes) -> Profile:
    """Read one profile file (TOML, UTF-8).

    Raises:
        ProfileError: with the field that is wrong.
    """
    if len(data) > MAX_PROFILE_BYTES:
        raise ProfileError("(file)", "longer than 64 KiB")
    try:
        values = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileError("(file)", f"not TOML: {error}") from error
    return check_profile(values)


def check_profile(values: Mapping[str, Any]) -> Profile:
    """Validate a profile's values.

    Raises:
        ProfileError: with the field that is wrong.
    """
    try:
        return msgspec.convert(dict(values), Profile)
    except (msgspec.ValidationError, ValueError) as error:
        message = str(error)
        raise ProfileError(_field(message), message) from error


def _field(message: str) -> str:
    """Find the field that a validation message speaks of."""
    at = _FIELD.search(message)
    prefix = at[1] + "." if at else ""
    for pattern in (_MISSING, _UNKNOWN):
        named = pattern.search(message)
        if named:
            return prefix + named[1]
    return at[1] if at else message.split(" ", 1)[0]


class Profiles:
    """All profiles by place; immutable."""

    __slots__ = ("_by_place", "products", "version")

    def __init__(
        self,
        profiles: Iterable[Profile],
        version: int,
        rules: RuleSet = NO_RULES,
        value_sets: Mapping[str, tuple[str, ...]] | None = None,
        products: Products | None = None,
    ) -> None:
        """Take profiles.

        Raises:
            ProfileError: two of one place, or of one zone with different times.
        """
        self.version = version
        self.products = products
        self._by_place: dict[str, ResolvedProfile] = {}
        by_zone: dict[str, Profile] = {}
        for profile in profiles:
            if profile.place in self._by_place:
                raise ProfileError("place", "two profiles for one place", (profile.place,))
            if profile.use is not None and profile.use.scope.startswith(ZONE):
                _check_zone(by_zone.setdefault(profile.use.scope, profile), profile)
            self._by_place[profile.place] = resolve(profile, version, rules, value_sets, products)

    def at(self, place: str) -> ResolvedProfile | None:
        """Return the profile of a place; None is a denial."""
        return self._by_place.get(place)

    def places(self) -> tuple[str, ...]:
        """Return the places that have a profile, sorted."""
        return tuple(sorted(self._by_place))


def open_profiles(document: ProfilesDocument) -> Profiles:
    """Check a verified document's profiles and compile its rules.

    Raises:
        ProfileError, RuleError: with the field that is wrong.
    """
    rules = RuleSet(read_rule(text.encode()) for text in document.rules)
    profiles = [check_profile(values) for values in document.profiles]
    for profile in profiles:
        _check_rules(profile, rules, since=document.iat, until=document.exp)
    products = None if document.products is None else Products(document.products)
    return Profiles(profiles, document.version, rules, document.value_sets, products)


def _check_rules(profile: Profile, rules: RuleSet, *, since: float, until: float) -> None:
    """Refuse a profile that takes documents which none of its rules can read.

    Raises:
        ProfileError: it names the format.
    """
    asked = profile.rules
    if asked is None:
        return
    for one in sorted(DOCUMENTS.intersection(profile.formats)):
        if not rules.reads(
            one, country=asked.country, region=asked.region, since=since, until=until
        ):
            raise ProfileError(
                "rules",
                f"{profile.place} takes {one}, and no valid rule of {asked.country} reads it",
                (profile.place,),
            )


def _check_zone(one: Profile, other: Profile) -> None:
    """Refuse two places that share a zone's uses and would remember them for different times.

    Raises:
        ProfileError: it names both places and the first field that differs.
    """
    if one.use is None or other.use is None:
        return
    for field in ZONE_FIELDS:
        if getattr(one.use, field) != getattr(other.use, field):
            raise ProfileError(
                f"use.{field}",
                f"{one.place} and {other.place} share {one.use.scope} and differ in it",
                (one.place, other.place),
            )


NO_PROFILES: Final = Profiles((), 0)


def way(direction: Direction) -> str:
    """Return the letter of a direction in keys: i or o."""
    return direction.value[0]

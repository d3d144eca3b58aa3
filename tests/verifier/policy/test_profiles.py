"""Profiles: what is asked is said in full, and what is wrong is named by its field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.city import PROFILE, asks
from tests.support.foreign import RULES, taking
from verifier.contract.vocabulary import Colour, Direction, Format, Kind, Sector, Stance
from verifier.errors import ProfileError
from verifier.policy.profiles import (
    MAX_PROFILE_BYTES,
    Profiles,
    check_profile,
    read_profile,
    resolve,
    way,
)

TEXT = b"""
place = "metro-a"
stance = "open"
formats = ["CC1"]
kinds = ["personal", "group"]
window = 30
sector = "transit"
colours = ["green"]
review_colours = ["yellow", "none"]

[use]
scope = "zone:metro"
once_for = 300
pair = true
capacity = 4000

[group]
exceptions = "review"
"""

PERSONS = asks(kinds=["personal"])
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "no stance": ("stance", {k: v for k, v in PROFILE.items() if k != "stance"}),
    "no place": ("place", {k: v for k, v in PROFILE.items() if k != "place"}),
    "no formats": ("formats", asks(formats=[])),
    "a format we do not know": ("formats[0]", asks(formats=["CC2"])),
    "a stance we do not know": ("stance", asks(stance="ajar")),
    "a kind we do not know": ("kinds", asks(kinds=["animal"])),
    "no kinds": ("kinds", asks(kinds=[])),
    "a sector we do not know": ("sector", asks(sector="sport")),
    "a colour we do not know": ("colours", asks(colours=["blue"])),
    "red that passes": ("colours", asks(colours=["red"])),
    "none that passes": ("colours", asks(colours=["none"])),
    "a colour that passes and is reviewed": (
        "review_colours",
        asks(colours=["green", "yellow"], review_colours=["yellow"]),
    ),
    "review without colours": ("review_colours", asks(colours=[], review_colours=["red"])),
    "an appointment that is welcome": ("appointment", asks(appointment="welcome")),
    "minutes too many": (
        "late_minutes",
        PERSONS | {"appointment": "required", "late_minutes": 241},
    ),
    "minutes without appointment": ("early_minutes", asks(early_minutes=10)),
    "appointments of groups": ("appointment", asks(appointment="required")),
    "a window too short": ("window", asks(window=4)),
    "a window too long": ("window", asks(window=601)),
    "a window that is true": ("window", asks(window=True)),
    "a window that is a float": ("window", asks(window=60.5)),
    "a window that is a text": ("window", asks(window="60")),
    "static as a number": ("static", asks(static=1)),
    "a status age of none": ("max_status_age", asks(max_status_age=0)),
    "a status age past a week": ("max_status_age", asks(max_status_age=7 * 86_400 + 1)),
    "a field we do not know": ("stanse", asks(stanse="open")),
    "a place in capitals": ("place", asks(place="Hall-1")),
    "a place with a newline after": ("place", asks(place="hall-1\n")),
    "a place of one letter": ("place", asks(place="h")),
    "a place of 64": ("place", asks(place="h" * 64)),
    "a scope we do not know": ("use.scope", asks(use={"scope": "city", "once_for": 60})),
    "a zone without a name": ("use.scope", asks(use={"scope": "zone:", "once_for": 60})),
    "a zone with a newline": ("use.scope", asks(use={"scope": "zone:metro\n", "once_for": 60})),
    "a use without a time": ("use.once_for", asks(use={"scope": "gate"})),
    "rules of a place that takes city codes only": ("rules", asks(rules=dict(RULES))),
    "certificates without rules": ("rules", taking(PROFILE, "HC1") | {"rules": None}),
    "cards beside city codes without rules": (
        "rules",
        taking(PROFILE, "CC1", "SHC") | {"rules": None},
    ),
    "paper of whatever format": ("static", taking(PROFILE, "CC1", "HC1") | {"static": True}),
    "certificates whose codes pass nowhere": (
        "static",
        taking(PROFILE, "CC1", "HC1") | {"static": ["CC1"]},
    ),
    "paper of a format that is not taken": ("static", asks(static=["CC1", "SHC"])),
    "colours of whatever format": (
        "colours",
        taking(PROFILE, "CC1", "HC1") | {"colours": ["green"]},
    ),
    "colours of certificates": (
        "colours",
        taking(PROFILE, "CC1", "HC1") | {"colours": {"HC1": ["green"]}},
    ),
    "colours where no city code is taken": (
        "colours",
        taking(PROFILE, "HC1") | {"colours": ["green"]},
    ),
    "a table of colours where no city code is taken": (
        "colours",
        taking(PROFILE, "HC1") | {"colours": {"CC1": ["green"]}},
    ),
    "review of whatever format": (
        "review_colours",
        taking(PROFILE, "CC1", "HC1") | {"review_colours": ["red"]},
    ),
    "a sector of certificates": ("sector", taking(PROFILE, "CC1", "HC1") | {"sector": "hall"}),
    "appointments of cards": (
        "appointment",
        taking(PERSONS, "CC1", "SHC") | {"appointment": "required"},
    ),
    "groups of certificates": ("kinds", taking(PROFILE, "HC1") | {"kinds": ["group"]}),
    "an audience of certificates": ("audience", taking(PROFILE, "HC1") | {"audience": True}),
    "a use past a day": ("use.once_for", asks(use={"scope": "gate", "once_for": 86_401})),
    "room for nobody": ("use.capacity", asks(use={"scope": "gate", "once_for": 60, "capacity": 0})),
    "a use field we do not know": (
        "use.twice",
        asks(use={"scope": "gate", "once_for": 60, "twice": 1}),
    ),
    "a group rule we do not know": ("group.exceptions", asks(group={"exceptions": "allow"})),
    "a roster age of none": ("group.max_roster_age", asks(group={"max_roster_age": 0})),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_the_field(name: str) -> None:
    """Unknown means no, and the operator is told where."""
    field, values = WRONG[name]
    with pytest.raises(ProfileError) as caught:
        check_profile(values)
    assert caught.value.field == field


def test_a_file_is_read_and_resolved() -> None:
    """Words become what assess() compares."""
    found = resolve(read_profile(TEXT), 7)
    assert (found.version, found.open_stance, found.sector) == (7, True, Sector.TRANSIT)
    assert found.formats == {Format.CC1}
    assert found.kinds == {Kind.PERSONAL, Kind.GROUP}
    assert found.passing == {Colour.GREEN}
    assert found.reviewing == {Colour.YELLOW, Colour.NONE}
    assert found.profile.use is not None
    assert (found.profile.use.pair, found.profile.use.capacity) == (True, 4000)
    assert found.profile.group.exceptions == "review"


def test_what_is_left_out_is_the_careful_choice() -> None:
    """No paper, persons only, a minute; the stance must be said."""
    found = check_profile({"place": "p1", "stance": "closed", "formats": ["CC1"]})
    assert (found.static, found.kinds, found.window) == (False, ("personal",), 60)
    assert (found.stance, found.use, found.group.exceptions) == (Stance.CLOSED, None, "deny")


def test_words_that_say_which_formats_they_mean() -> None:
    """Static codes and colours by format; a bool and a list where city codes are the only ones."""
    alone = resolve(check_profile(PROFILE), 1)
    said = resolve(check_profile(asks(static=["CC1"], colours={"CC1": ["green"]})), 1)
    assert (alone.static, alone.passing) == (said.static, said.passing)
    assert said.static == {Format.CC1}
    mixed = taking(asks(review_colours=["yellow"]), "CC1", "HC1", static=False)
    found = resolve(check_profile(mixed), 1)
    assert found.static == {Format.HC1}
    assert (found.passing, found.reviewing) == ({Colour.GREEN}, {Colour.YELLOW})
    assert resolve(check_profile(taking(PROFILE, "SHC")), 1).passing == frozenset()


@pytest.mark.parametrize("differing", [{"once_for": 120}, {"pair": True}, {"pair_for": 3600}])
def test_places_of_one_zone_remember_alike(differing: dict[str, Any]) -> None:
    """A use that one of them takes binds all: for how long must not hang on where it was."""
    use = {"scope": "zone:metro", "once_for": 60}
    one = check_profile(asks(place="metro-1", use=use))
    for other, field in ((use | differing, next(iter(differing))), (use, None)):
        another = check_profile(asks(place="metro-2", use=other))
        if field is None:
            assert Profiles((one, another), 1).places() == ("metro-1", "metro-2")
            continue
        with pytest.raises(ProfileError, match=r"metro-1 and metro-2 share zone:metro") as refused:
            Profiles((one, another), 1)
        assert (refused.value.field, refused.value.places) == (
            f"use.{field}",
            ("metro-1", "metro-2"),
        )
    apart = check_profile(asks(place="metro-2", use=use | differing | {"scope": "zone:bus"}))
    counted = check_profile(asks(place="metro-3", use=use | {"capacity": 50}))
    assert len(Profiles((one, apart, counted), 1).places()) == 3


FILES = {
    "not TOML": b"place",
    "not UTF-8": b"place = '\xff'",
    "a field twice": b"place = 'p1'\nplace = 'p2'",
    "too long": b"#" * (MAX_PROFILE_BYTES + 1),
    "arrays without end": b"a = " + b"[" * 60_000,
    "tables without end": b"a = " + b"{a = " * 12_000,
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_read(name: str) -> None:
    """The file itself is named."""
    with pytest.raises(ProfileError) as caught:
        read_profile(FILES[name])
    assert caught.value.field == "(file)"


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*PROFILE, "kinds", "window", "group", "review_colours"]), JSON_LIKE)
def test_any_value_in_any_field_is_taken_or_refused(field: str, value: Any) -> None:
    """Nothing but ProfileError comes out."""
    try:
        resolve(check_profile(asks(**{field: value})), 1)
    except ProfileError:
        return


@given(st.binary(max_size=100))
def test_any_file_is_taken_or_refused(data: bytes) -> None:
    """Nothing but ProfileError comes out."""
    with pytest.raises(ProfileError):
        read_profile(data)


def test_scopes() -> None:
    """A gate, a place, a zone that several places share."""
    names = {}
    for scope in ("gate", "place", "zone:metro"):
        use = check_profile(asks(use={"scope": scope, "once_for": 60})).use
        assert use is not None
        names[scope] = use.scope_name("hall-1", "east")
    assert names == {
        "gate": "gate:hall-1/east",
        "place": "place:hall-1",
        "zone:metro": "zone:metro",
    }
    assert [way(direction) for direction in Direction] == ["i", "o"]


def test_one_profile_a_place() -> None:
    """Two for one place are refused; an unknown place has none."""
    one, other = check_profile(PROFILE), check_profile(asks(place="hall-2"))
    profiles = Profiles((other, one), 3)
    assert profiles.places() == ("hall-1", "hall-2")
    found = profiles.at("hall-2")
    assert found is not None
    assert found.version == 3
    assert profiles.at("hall-3") is None
    with pytest.raises(ProfileError):
        Profiles((one, one), 3)

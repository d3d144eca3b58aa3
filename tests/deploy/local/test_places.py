"""The demo city: its terminals, places and profiles fit each other."""

from deploy.local.house import TERMINALS
from deploy.local.places import DEMO, PROFILES
from verifier.policy.profiles import read_profile


def test_the_terminals_are_those_that_stand_somewhere() -> None:
    """The list of processes and the list of places name the same, in the same order."""
    assert tuple(terminal.name for terminal in DEMO) == TERMINALS


def test_every_place_has_a_profile_and_every_profile_a_place() -> None:
    """A place without a profile denies everybody; a profile without a place is for nobody."""
    profiles = [read_profile(path.read_bytes()).place for path in PROFILES.glob("*.toml")]
    assert sorted(profiles) == sorted(terminal.place for terminal in DEMO)

"""The registry: what it takes, and errors that name the field."""

import pytest

from fleet.contract.topics import TerminalId
from fleet.errors import RegistryError
from fleet.registry import read_registry
from verifier.contract.vocabulary import ApiScope, Direction, GrantState

PRINT = "ab" * 32
GOOD = f"""
district = [{{id = "liwan", name = "荔湾区"}}]

[[place]]
id = "metro-chen-clan"
name = "陈家祠站"
district = "liwan"
address = "中山七路"
[[place.gate]]
id = "a1"
direction = "in"
[[place.gate]]
id = "a2"
direction = "out"

[[terminal]]
id = "transit-1"
place = "metro-chen-clan"
gate = "a2"
fingerprint = "{PRINT}"
"""


def test_a_registry_is_read() -> None:
    """Districts, places, gates and terminals by id, with their defaults."""
    registry = read_registry(GOOD)
    terminal = registry.terminals[TerminalId("transit-1")]
    assert registry.gate_of(terminal).direction is Direction.OUT
    assert registry.places[terminal.place].district == "liwan"
    assert (terminal.generation, terminal.state) == (1, GrantState.ACTIVE)
    assert terminal.scopes == (ApiScope.SCAN, ApiScope.BUNDLES)
    assert read_registry("").terminals == {}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('direction = "in"', 'direction = "up"', "place[0].gate[0].direction"),
        ('gate = "a2"', 'gate = "a3"', "terminal[id=transit-1].gate"),
        ('place = "metro-chen-clan"', 'place = "other"', "terminal[id=transit-1].place"),
        ('district = "liwan"', 'district = "other"', "place[id=metro-chen-clan].district"),
        (PRINT, PRINT[1:], "terminal[0].fingerprint"),
        (PRINT, PRINT.upper(), "terminal[0].fingerprint"),
        ('id = "transit-1"', 'id = "T1"', "terminal[0].id"),
        ('id = "transit-1"', 'id = "abc"', "terminal[0].id"),
        ('address = "中山七路"', "address = 7", "place[0].address"),
        ('address = "中山七路"', 'adress = "x"', "adress"),
        ('name = "陈家祠站"', "", "name"),
        ('id = "a2"', 'id = "a1"', "place[id=metro-chen-clan].gate"),
        ('gate = "a2"', 'gate = "a2"\nscopes = ["scan", "scan"]', "scopes"),
        ('gate = "a2"', 'gate = "a2"\nstate = "lost"', "terminal[0].state"),
        ('gate = "a2"', 'gate = "a2"\ngeneration = 0', "terminal[0].generation"),
        ("[[terminal]]", "[[terminals]]", "terminals"),
        ("[[terminal]]", "[[terminal", "TOML"),
    ],
)
def test_errors_name_the_field(old: str, new: str, named: str) -> None:
    """One wrong thing in the file is refused with its place."""
    assert old in GOOD
    with pytest.raises(RegistryError) as caught:
        read_registry(GOOD.replace(old, new, 1))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [(("transit-1", "transit-1"), "terminal"), (("transit-1", "transit-2"), "fingerprint")],
)
def test_nothing_stands_twice(change: tuple[str, str], named: str) -> None:
    """Two terminals of one id, or with one certificate, are refused."""
    block = GOOD[GOOD.index("[[terminal]]") :].replace(*change)
    with pytest.raises(RegistryError) as caught:
        read_registry(GOOD + block)
    assert named in str(caught.value)

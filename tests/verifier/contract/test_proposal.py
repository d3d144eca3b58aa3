"""Texts of people at every door that takes one: what a screen would obey is refused."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest

from fleet.contract import messages
from fleet.errors import RegistryError
from fleet.operators import Operator
from fleet.registry import read_registry
from tests.support.people_text import GOOD, REFUSED
from verifier.contract.bundle import RosterMember
from verifier.contract.destruction import Destruction
from verifier.contract.proposal import ProposeColour, ProposeCorrection, ProposeDestruction
from verifier.contract.vocabulary import Plane
from verifier.feeds.corrections import Opening
from verifier.service.issuing.people.credentials import Member


def taker(struct: Any, field: str, **others: Any) -> Callable[[str], object]:
    """Return what a struct takes as one of its fields, read as from JSON."""
    return lambda value: msgspec.convert({**others, field: value}, struct)


def registry(word: str) -> Callable[[str], object]:
    """Return what the registry takes as a name, an address or a serial number."""

    def read(value: str) -> object:
        written = '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        filled = {"district": '"d"', "place": '"p"', "address": '"a"', "serial": '"s"'}
        filled[word] = written
        return read_registry(
            f'[[district]]\nid = "d"\nname = {filled["district"]}\n'
            f'[[place]]\nid = "p"\nname = {filled["place"]}\ndistrict = "d"\n'
            f'address = {filled["address"]}\n[[place.gate]]\nid = "g"\ndirection = "in"\n'
            f'[[terminal]]\nid = "gate-1"\nplace = "p"\ngate = "g"\n'
            f'fingerprint = "{"0" * 64}"\nserial = {filled["serial"]}\n'
        )

    return read


DESTROYED: Final = {
    "type": "destruction",
    "version": 2,
    "iat": 2,
    "began": 1,
    "iss": "440100",
    "list": 1,
    "plane": Plane.HEALTH,
    "size": 1,
    "counts": {0: 1},
    "last": 1,
    "chain": bytes(16),
    "snapshot": bytes(32),
    "by": ["hao", "ling"],
}
SOURCE: Final = {
    "name": "lab-1",
    "spki": "AA",
    "callers": ["lab"],
    "planes": {"test": {}},
    "hours": 4,
}
DOORS: Final[Mapping[str, Callable[[str], object]]] = {
    "the text of a colour": taker(
        ProposeColour, "text", kind="colour", to="red", reason="order", person=1
    ),
    "the text of a correction": taker(
        ProposeCorrection, "text", kind="correction", case="0" * 32, to="1", reason="order"
    ),
    "the text of a destruction": taker(
        ProposeDestruction, "text", kind="destruction", plane="health", reason="order"
    ),
    "a certificate of destruction": taker(Destruction, "reason", **DESTROYED),
    "the text of a case": taker(Opening, "text", plane="test", reason="wrong_person", person=1),
    "a member's masked name": taker(Member, "masked_name", person=1),
    "a masked name in a bundle": taker(RosterMember, "masked_name", person=1),
    "a district's name": registry("district"),
    "a place's name": registry("place"),
    "a place's address": registry("address"),
    "a terminal's serial number": registry("serial"),
    "an operator's name": taker(
        Operator, "name", person="hao", roles=["administrator"], keys=["0" * 64]
    ),
    "a terminal's software": taker(messages.Software, "name", version="1"),
    "a terminal's version": taker(messages.Software, "version", name="x"),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_door_takes_a_text_that_commands_a_screen(door: str) -> None:
    """Each such character, at the beginning, inside and at the end; names of people pass."""
    for name, character in REFUSED.items():
        for value in (f"{character}good text", f"good{character}text", f"good text{character}"):
            with pytest.raises((msgspec.ValidationError, RegistryError)):
                assert DOORS[door](value) is None, name
    for value in GOOD:
        assert DOORS[door](value) is not None

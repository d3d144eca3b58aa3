"""Revocation lists of health cards: entries, seconds, and what is no list."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from verifier.contract.bundle import CardsDocument
from verifier.contract.errors import MalformedError
from verifier.status import rids
from verifier.status.rids import RevokedCards, open_cards, read_card_list, read_card_list_file

LIST: dict[str, Any] = {
    "kid": "3Kfdg-XwP-7gXyywtUfUADwBumDOPKMQx-iELL11W9s",
    "method": "rid",
    "ctr": 1,
}


def test_with_and_without_a_second() -> None:
    """An id revokes all, a second only what began before it; the widest entry counts."""
    listed = RevokedCards(["all", "some.100", "both.100", "both.200", "wide.5", "wide"])
    assert listed.revokes("all", 1e12)
    assert listed.revokes("some", 99.999)
    assert not listed.revokes("some", 100)
    assert listed.revokes("both", 199)
    assert listed.revokes("wide", 1e12)
    assert not listed.revokes("none", 0)


@pytest.mark.parametrize(
    "entry",
    ["", ".", "a.", ".1", "a.-1", "a.1.2", "a.1e3", "a b", "a=", "x" * 25, "a." + "9" * 13, "a\n"],
)
def test_what_is_no_entry(entry: str) -> None:
    """One bad entry, and the list is refused."""
    with pytest.raises(MalformedError):
        RevokedCards(["good", entry])


def test_a_list_as_it_is_published() -> None:
    """Read from a file as an issuer writes it, and written again the same."""
    published = LIST | {"rids": ["vwAjHdarZuc.1687450765", "FKDIxsTCGlU"]}
    found = read_card_list_file(b"\n" + json.dumps(published, indent=2).encode() + b"\r\n")
    assert (found.kid, found.counter) == (LIST["kid"], 1)
    assert found.published() == published
    assert read_card_list(found.published()) == found


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": None},
        {"kid": ""},
        {"kid": "short"},
        {"kid": "../../../../../../../../../../../../etc/passwd"},
        {"kid": 5},
        {"method": None},
        {"method": "sid"},
        {"ctr": None},
        {"ctr": 0},
        {"ctr": -1},
        {"ctr": True},
        {"ctr": 1.0},
        {"ctr": "1"},
        {"ctr": 2**53},
        {"rids": None},
        {"rids": "vwAjHdarZuc"},
        {"rids": {"vwAjHdarZuc": 1}},
        {"rids": ["vwAjHdarZuc", 5]},
        {"rids": ["not base64url"]},
        {"rids": ["x" * 25]},
        {"rids": ["a.1687450764.5"]},
        {"more": 1},
    ],
)
def test_what_is_no_list(changes: dict[str, Any]) -> None:
    """A member wrong, missing or more: the whole list is refused."""
    values = LIST | {"rids": ["vwAjHdarZuc"]} | changes
    with pytest.raises(MalformedError):
        read_card_list({name: value for name, value in values.items() if value is not None})


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{", b'{"kid":1,"kid":1}', b"\xff", b"{}{}"]
)
def test_what_is_no_file_of_a_list(data: bytes) -> None:
    """JSON read strictly."""
    with pytest.raises(MalformedError):
        read_card_list_file(data)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one list, and of all together."""
    monkeypatch.setattr(rids, "MAX_RIDS", 2)
    RevokedCards(["a", "b"])
    with pytest.raises(MalformedError):
        RevokedCards(["a", "b", "c"])
    monkeypatch.setattr(rids, "MAX_ALL_RIDS", 3)
    one, two = LIST["kid"], "x" * 43
    lists = {one: ("a", "b"), two: ("a",)}
    document = CardsDocument(type="cards", version=1, iat=1, exp=2, lists=lists)
    assert open_cards(document).keys() == lists.keys()
    with pytest.raises(MalformedError):
        open_cards(replace(document, lists=lists | {two: ("a", "b")}))

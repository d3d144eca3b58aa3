"""Codes taken apart: every byte of an envelope has a meaning; garbage goes as far as it goes."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.inspection.anatomy import take_apart
from tests.support.city import City
from tests.support.health import card_text, chunks, claims, hc1, health_text, jws, protected
from verifier.contract.vocabulary import Format
from verifier.encoding import base45

WHOLE: Final = {
    Format.CC1: City().text(),
    Format.HC1: health_text(),
    Format.SHC: card_text(),
}


@pytest.mark.parametrize("code", [City(), City(phone=None)])
def test_a_city_code(code: City) -> None:
    """Parts that make up the envelope, claims by name, the proof where there is one."""
    text = code.text()
    found = take_apart(text)
    assert (found.stopped, found.hints, found.format) == (None, [], Format.CC1)
    data = base45.decode(text[4:])
    assert found.parts[0].data == data
    assert all(part.data in data for part in found.parts)
    named = {claim.label: claim.value for claim in found.claims}
    assert named["1"] == '"440100"'
    assert named["4"].startswith(str(code.expires))
    assert bool(found.proof) is (code.phone is not None)


def test_a_certificate() -> None:
    """Both headers, the kid, claims with their moments."""
    found = take_apart(health_text())
    assert found.stopped is None
    parts = {part.name: part for part in found.parts}
    assert parts["protected header"].data == protected()
    assert parts["unprotected header"].data == b"\xa0"
    assert parts["claims"].data == claims()
    values = {claim.label: claim.value for claim in found.claims}
    assert values["1"] == '"AT"'
    assert values["6"].endswith("Z")
    assert "Đặng" in values["-260"]


def test_a_card() -> None:
    """Header, sizes, and the document as it stands."""
    found = take_apart(card_text())
    assert found.stopped is None
    assert {"header", "payload", "signature"} <= {part.name for part in found.parts}
    assert '"fhirVersion"' in found.claims[0].value


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("\ufeff" + WHOLE[Format.HC1], 1),
        (WHOLE[Format.HC1] + " ", 1),
        (WHOLE[Format.HC1].lower(), 2),
        ("HC1:%20" + WHOLE[Format.HC1][4:], 1),
        ("SHC:/" + WHOLE[Format.SHC][5:], 1),
        ("https://example.com/%20a", 0),
    ],
)
def test_what_often_goes_wrong_is_named(text: str, hints: int) -> None:
    """Without being repaired."""
    assert len(take_apart(text).hints) == hints


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "HC1:", "HC1:abc", "HC1:A", "CC1:", "shc:/", "shc:/5", chunks(3)[1],
        "HC1:" + "A" * 5000, hc1(b"not zlib"), "HC1:" + base45.encode(b"\x78\x9c"),
    ],
)  # fmt: skip
def test_what_stops_a_text_is_said(text: str) -> None:
    """Or nothing of it could be taken apart."""
    found = take_apart(text)
    assert found.stopped is not None or not found.claims


def test_an_algorithm_that_is_not_taken_is_still_shown() -> None:
    """The header of a card that nobody signed, and of a certificate with a stranger's algorithm."""
    unsigned = take_apart(
        "shc:/" + "".join(f"{ord(c) - 45:02}" for c in jws(head=b'{"alg":"none"}'))
    )
    assert "none" in unsigned.parts[0].meaning
    strange = take_apart(health_text(header=protected(algorithm=-36)))
    assert any("-36" in part.meaning for part in strange.parts)


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 2000), st.text(max_size=4), st.integers(0, 3))
def test_nothing_raises(code: Format, at: int, noise: str, cut: int) -> None:
    """Damaged anywhere, cut anywhere."""
    text = WHOLE[code]
    take_apart(text[:at] + noise + text[at + cut :])
    take_apart(text[:at])
    take_apart(noise)

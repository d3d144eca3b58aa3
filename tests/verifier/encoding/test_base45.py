"""Base45: the public vectors, one text for one byte string, and nothing but the refusal."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.public_vectors import agree, public_file
from verifier.contract.errors import MalformedError
from verifier.encoding import base45

ALPHABET = base45.ALPHABET.decode()


def test_public_vectors() -> None:
    """Every good string comes out as its bytes and back; every bad one is refused."""
    vectors = json.loads(public_file("base45/base45-vectors.json").read_text(encoding="utf-8"))
    for vector in vectors["good"]:
        text, data = vector["b45"], vector["hex"]
        found = base45.decode(text).hex(), base45.encode(bytes.fromhex(data))
        agree("base45", text, found, (data, text))
    for text in vectors["bad"]:
        agree("base45", text, is_refused(text), expected=True)
    assert vectors["good"]
    assert vectors["bad"]


def is_refused(text: str) -> bool:
    """Say whether a text is no base45."""
    try:
        base45.decode(text)
    except MalformedError:
        return True
    return False


@given(st.binary(max_size=1024))
def test_round_trip(data: bytes) -> None:
    """Any bytes come back from their text."""
    assert base45.decode(base45.encode(data)) == data


@given(st.text(alphabet=ALPHABET, max_size=300))
@example("FGW")
@example("GGW")
@example("::")
def test_one_text_for_one_byte_string(text: str) -> None:
    """What decodes is exactly what encoding its bytes writes."""
    try:
        data = base45.decode(text)
    except MalformedError:
        return
    assert base45.encode(data) == text


@given(st.text(max_size=60))
@example("\ud800")
@example("０")
@example("A\x00")
def test_any_text_decodes_or_is_refused(text: str) -> None:
    """No text raises anything but the refusal; none outside the alphabet decodes."""
    try:
        base45.decode(text)
    except MalformedError:
        return
    assert set(text) <= set(ALPHABET)


@given(st.integers(0, 0xFFFF))
def test_groups_of_three_against_the_definition(value: int) -> None:
    """RFC 9285 section 4: c + 45 d + 45 * 45 e, for every group."""
    c, d, e = value % 45, value // 45 % 45, value // 2025
    text = ALPHABET[c] + ALPHABET[d] + ALPHABET[e]
    assert base45.decode(text) == value.to_bytes(2, "big")


@given(st.integers(0x10000, 45**3 - 1), st.integers(0, 40))
def test_a_group_past_16_bits_is_refused_wherever_it_stands(value: int, before: int) -> None:
    """A group that says more than two bytes hold, after any number of good ones."""
    group = ALPHABET[value % 45] + ALPHABET[value // 45 % 45] + ALPHABET[value // 2025]
    for text in ("BB8" * before + group, "BB8" * before + group + "BB8"):
        with pytest.raises(MalformedError):
            base45.decode(text)


@pytest.mark.parametrize("tail", ["0", "::", "V5", "a0", "%2", " "])
def test_impossible_tails(tail: str) -> None:
    """One character over, or a pair past 255; a good pair at the end is one byte."""
    text = "BB8" * 7 + tail
    if tail == "%2":
        assert base45.decode(text)[-1] == 38 + 45 * 2
        return
    with pytest.raises(MalformedError):
        base45.decode(text)

"""Deterministic CBOR: what the walk lets through a general decoder reads the same; no more."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import rawcbor as raw
from tests.support.faults import bomb
from verifier.contract.cbor import MAX_DEPTH, Grammar, decode, encode, scan
from verifier.contract.errors import MalformedError

STRICT = Grammar(max_items=64)
LOOSE = Grammar(
    max_items=64,
    tags=frozenset({0, 1}),
    floats=True,
    ordered_keys=False,
    shortest_heads=False,
)

KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=6) | st.binary(max_size=6)
LEAVES = KEYS | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=5) | st.dictionaries(KEYS, v, max_size=5), max_leaves=30
)


def nested(depth: int) -> bytes:
    """Write arrays within arrays."""
    return b"\x81" * depth + b"\x00"


@given(VALUES)
def test_round_trip(value: Any) -> None:
    """What is written is read back, the same, by the strict reader."""
    assert decode(encode(value)) == value


@given(VALUES)
def test_one_form_for_one_value(value: Any) -> None:
    """RFC 8949 section 4.2.1: writing what a general decoder read gives the same bytes."""
    assert encode(cbor2.loads(encode(value))) == encode(value)


@given(st.binary(max_size=60))
def test_what_passes_the_strict_walk_is_deterministic(data: bytes) -> None:
    """Accepted bytes are read by cbor2 whole, and written by us the same."""
    try:
        scan(data, STRICT)
    except MalformedError:
        return
    assert encode(cbor2.loads(data)) == data


@given(st.binary(max_size=60))
def test_what_passes_the_loose_walk_can_be_decoded_or_is_refused(data: bytes) -> None:
    """Whatever the grammar, decoding raises the refusal and nothing else."""
    try:
        decode(data, LOOSE)
    except MalformedError:
        return
    scan(data, LOOSE)


@given(VALUES, st.data())
def test_cutting_and_adding_is_refused(value: Any, data: st.DataObject) -> None:
    """A document that lacks its end, or is followed by anything, is not the document."""
    written = encode(value)
    cut = data.draw(st.integers(0, len(written) - 1))
    for wrong in (written[:cut], written + data.draw(st.binary(min_size=1, max_size=3))):
        with pytest.raises(MalformedError):
            scan(wrong, Grammar(max_items=10_000))


REFUSED = {
    "nothing": b"",
    "a long zero": raw.integer(0, width=1),
    "a long length": raw.data(b"ab", width=2),
    "indefinite bytes": b"\x5f\x41a\xff",
    "indefinite text": b"\x7f\x61a\xff",
    "an indefinite array": b"\x9f\x00\xff",
    "an indefinite map": b"\xbf\x00\x00\xff",
    "a reserved length": b"\x1c",
    "a lone break": b"\xff",
    "a tag": b"\xc1\x00",
    "self-described": b"\xd9\xd9\xf7\x00",
    "a half float": b"\xf9\x3c\x00",
    "a float": b"\xfa\x3f\x80\x00\x00",
    "a double": b"\xfb" + bytes(8),
    "undefined": b"\xf7",
    "simple 0": b"\xe0",
    "simple in two bytes": b"\xf8\x20",
    "false in two bytes": b"\xf8\x14",
    "a key twice": raw.mapping([(b"\x01", b"\x00"), (b"\x01", b"\x00")]),
    "keys out of order": raw.mapping([(b"\x02", b"\x00"), (b"\x01", b"\x00")]),
    "keys by length first": raw.mapping([(b"\x20", b"\x00"), (b"\x18\x18", b"\x00")]),
    "text that is not UTF-8": b"\x62\xc3\x28",
    "half a surrogate pair": b"\x63\xed\xa0\x80",
    "a map without its last value": b"\xa1\x01",
    "an array of 2^64": raw.head(raw.ARRAY, (1 << 64) - 1),
    "a map of 2^64": raw.head(raw.MAP, (1 << 64) - 1),
    "bytes of 2^64": raw.head(raw.BYTES, (1 << 64) - 1),
    "too deep": nested(MAX_DEPTH + 1),
    "much too deep": nested(10_000),
    "too many items": raw.array([b"\x00"] * 64),
    "the bomb": bomb(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What a general decoder would swallow."""
    with pytest.raises(MalformedError):
        scan(REFUSED[name], STRICT)


def test_a_looser_grammar_is_loose_where_it_says() -> None:
    """Foreign formats: tags 0 and 1, floats, long forms, any order; a key twice never."""
    for taken in (
        b"\xc1\x1a\x6a\xb1\x00\x00",
        b"\xfa\x3f\x80\x00\x00",
        raw.integer(0, width=8),
        raw.mapping([(b"\x02", b"\x00"), (b"\x01", b"\x00")]),
    ):
        scan(taken, LOOSE)
    for refused in (
        b"\xd8\x1c\x00",
        raw.mapping([(b"\x01", b"\x00"), (b"\x02", b"\x00"), (b"\x01", b"\x00")]),
        b"\x9f\x00\xff",
    ):
        with pytest.raises(MalformedError):
            scan(refused, LOOSE)


def test_the_deepest_and_the_longest_that_pass() -> None:
    """The bounds themselves are still inside."""
    scan(nested(MAX_DEPTH), STRICT)
    scan(raw.array([b"\x00"] * 63), STRICT)

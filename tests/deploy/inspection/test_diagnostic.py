"""CBOR written down: the notation of RFC 8949 appendix A; bounded, and silent about nothing."""

import contextlib
from typing import Final

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.inspection.diagnostic import MAX_ITEMS, diagnose, members
from verifier.contract.errors import MalformedError

EXAMPLES: Final = {
    "00": "0",
    "1bffffffffffffffff": "18446744073709551615",
    "3903e7": "-1000",
    "f90001": "5.960464477539063e-08",
    "f97c00": "inf",
    "fb3ff199999999999a": "1.1",
    "f4": "false",
    "f7": "undefined",
    "f0": "simple(16)",
    "f8ff": "simple(255)",
    "c11a514b67b0": "1(1363896240)",
    "4401020304": "h'01020304'",
    "62225c": '"\\"\\\\"',
    "8301820203820405": "[1, [2, 3], [4, 5]]",
    "a26161016162820203": '{"a": 1, "b": [2, 3]}',
    "9f01820203ff": "[_ 1, [2, 3]]",
    "bf61610161629f0203ffff": '{_ "a": 1, "b": [_ 2, 3]}',
    "5f42010243030405ff": "(_ h'0102', h'030405')",
    "611b": '"\\\\u001b"',
}


@pytest.mark.parametrize("encoded", EXAMPLES)
def test_examples(encoded: str) -> None:
    """Of the RFC, but for a control character, which is spelled out."""
    assert diagnose(bytes.fromhex(encoded)) == EXAMPLES[encoded]


@pytest.mark.parametrize(
    "encoded", ["", "18", "42ff", "a1", "ff", "1c", "1f", "0000", "81" * 40 + "00", "8b", "d2"]
)
def test_what_is_no_one_item_is_said(encoded: str) -> None:
    """Written as far as it goes, with what stopped it."""
    assert " ← " in diagnose(bytes.fromhex(encoded))


def test_bombs_are_bounded() -> None:
    """Items, depth and length of what is written."""
    assert len(diagnose(b"\x80" * 1 + b"")) == 2
    assert len(diagnose(b"\x9b" + b"\xff" * 8 + b"\x00" * 100_000)) < 4 * MAX_ITEMS
    assert len(diagnose(b"\x7a\x00\x01\x00\x00" + b"\xe2" * 0x10000)) < 10_000


@given(st.binary(max_size=300))
def test_nothing_raises(data: bytes) -> None:
    """Whatever the bytes are."""
    diagnose(data)
    with contextlib.suppress(MalformedError):
        list(members(data))


Values = st.recursive(
    st.integers(-(2**40), 2**40) | st.binary(max_size=9) | st.text("ab", max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 99), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.integers(-300, 300), Values, max_size=8))
def test_members_are_those_of_the_map(value: dict[int, object]) -> None:
    """Labels and encoded values."""
    found = dict(members(cbor2.dumps(value)))
    assert {int(k): cbor2.loads(v) for k, v in found.items()} == value
    assert " ← " not in diagnose(cbor2.dumps(value))

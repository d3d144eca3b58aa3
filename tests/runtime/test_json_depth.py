"""The bound of nesting: brackets outside strings, whatever else the bytes are."""

import pytest

from runtime.json_depth import MAX_DEPTH, NestingError, check_depth


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """Return lists or objects inside each other."""
    return opening * levels + closing * levels


@pytest.mark.parametrize(
    "data",
    [
        b"",
        nested(MAX_DEPTH),
        nested(MAX_DEPTH, b'{"a":', b"}"),
        b"[" + b"[],{}," * 500 + b"1]",
        b'{"text":"' + b"[" * 200 + b'"}',
        b'{"text":"\\"' + b"[" * 200 + b'"}',
        b'{"text":"\\\\","other":"' + b"{" * 200 + b'"}',
        b'"' + b"[" * 200,
    ],
)
def test_what_nests_little_is_taken(data: bytes) -> None:
    """Many brackets beside each other or inside strings are no depth."""
    check_depth(data)


@pytest.mark.parametrize(
    "data",
    [
        nested(MAX_DEPTH + 1),
        nested(MAX_DEPTH + 1, b'{"a":', b"}"),
        b"[" * (MAX_DEPTH + 1),
        b'["[","\\"]",' + b"[" * MAX_DEPTH,
        b'["\\\\",' + nested(MAX_DEPTH) + b"]",
    ],
)
def test_what_nests_deep_is_refused(data: bytes) -> None:
    """One level above the bound, closed or not, behind strings with quotes and backslashes."""
    with pytest.raises(NestingError):
        check_depth(data)


def test_a_reader_may_name_its_own_bound() -> None:
    """Rules nest deeper than messages."""
    check_depth(nested(200), 200)
    with pytest.raises(NestingError):
        check_depth(nested(201), 200)

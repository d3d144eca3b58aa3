"""Lines of the protocol: what is no line, ids that come back, answers that are always JSON."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.conform import codes, statuslist
from verifier.conform.lines import MAX_LINE_BYTES, Members, ProtocolFault, answer, plain, too_long


def echo(members: Members) -> Members:
    """Answer with how many members there were."""
    return {"members": len(members)}


def ask(line: bytes) -> Any:
    """Ask one line."""
    return json.loads(answer(line, echo))


BAD: Final = {
    "empty": b"",
    "a word": b"x",
    "a list": b"[]",
    "no id": b"{}",
    "id is null": b'{"id":null}',
    "id is true": b'{"id":true}',
    "id is a list": b'{"id":[1]}',
    "id is too large": b'{"id":9007199254740992}',
    "a member twice": b'{"id":1,"id":2}',
    "a number that is none": b'{"id":1,"x":NaN}',
    "a mark before": "\ufeff".encode() + b'{"id":1}',
    "a second value": b'{"id":1}{"id":2}',
    "not UTF-8": b'{"id":"\xff"}',
    "half a character": b'{"id":"\\ud800"}',
    "deep": b'{"id":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "cut short": b'{"id":1',
}


@pytest.mark.parametrize("name", BAD)
def test_lines_that_are_none(name: str) -> None:
    """Answered without an id."""
    assert ask(BAD[name]) == {"id": None, "error": ProtocolFault.LINE_MALFORMED.value}


@pytest.mark.parametrize("identity", ["", "a", "红棉", 0, -1, 2**53 - 1])
def test_ids_come_back_as_they_came(identity: str | int) -> None:
    """Texts and whole numbers; line ends and spaces around the line do not count."""
    line = json.dumps({"id": identity}).encode() + b" \r\n"
    assert ask(line) == {"id": identity, "members": 1}


def test_a_line_of_the_largest_size_and_one_more() -> None:
    """Sixteen MiB are judged; a byte more is not."""
    line = b'{"id":1,"x":"' + b" " * (MAX_LINE_BYTES - 15) + b'"}'
    assert len(line) == MAX_LINE_BYTES
    assert ask(line)["members"] == 2
    error = {"id": None, "error": ProtocolFault.LINE_TOO_LONG.value}
    assert ask(line[:-2] + b' "}') == error == json.loads(too_long())


def test_values_that_json_cannot_say() -> None:
    """Bytes in hex, keys as text, numbers that are none as null."""
    value = {True: (1, [None]), b"k": float("nan"), "t": float("inf"), -260: {2: b"\xff"}}
    assert plain(value) == {
        "true": [1, [None]],
        "6b": None,
        "t": None,
        "-260": {"2": "ff"},
    }


@given(st.binary(max_size=200))
def test_whatever_bytes_are_answered(line: bytes) -> None:
    """Never an exception, always one object on one line."""
    for found in (codes.conform_line(line, lambda _: ()), statuslist.conform_line(line)):
        assert b"\n" not in found
        assert "error" in json.loads(found)


MEMBERS: Final = st.sampled_from(
    ["text", "texts", "png", "at", "keys", "profile", "revoked_rids", "bits", "lst", "index"]
)
VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(MEMBERS, VALUES))
def test_whatever_members_are_answered(members: dict[str, Any]) -> None:
    """Never an exception, and the id comes back."""
    line = json.dumps({"id": 7, **members}).encode()
    for found in (codes.conform_line(line, lambda _: ()), statuslist.conform_line(line)):
        assert json.loads(found)["id"] == 7

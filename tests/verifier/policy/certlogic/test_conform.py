"""Lines of the conformance protocol: every line has an answer, and the answer names the fault."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.policy.certlogic import Fault, conform_line
from verifier.policy.certlogic.conform import MAX_LINE_BYTES


def answer(line: bytes) -> Any:
    """Return the decoded answer to a line."""
    written = conform_line(line)
    assert b"\n" not in written
    return msgspec.json.decode(written)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id":"a","logic":{"var":"x"},"data":{"x":1}}', {"id": "a", "result": 1}),
        (b'{"id":7,"logic":{"var":"x"},"data":{}}\r\n', {"id": 7, "result": None}),
        (b'{"id":"a","logic":{"var":"x"}}', {"id": "a", "result": None}),
        (
            b'{"id":"a","logic":[{"plusTime":["2020-02-29T00:00:00.12399+00:00",1,"year"]}]}',
            {"id": "a", "result": ["2021-03-01T00:00:00.123Z"]},
        ),
        (b'{"id":"a","logic":null,"data":1}', {"id": "a", "error": Fault.LOGIC_INVALID}),
        (b'{"id":"a","logic":9007199254740992}', {"id": "a", "error": Fault.LOGIC_BOUND}),
        (b'{"id":"a","logic":{"+":["1",1]}}', {"id": "a", "error": Fault.TYPE}),
        (b'{"id":"a","logic":{"plusTime":["x",1,"day"]}}', {"id": "a", "error": Fault.DATE}),
        (b'{"id":"a","data":1}', {"id": "a", "error": Fault.LINE_MALFORMED}),
        (b'{"id":"a","logic":1,"more":1}', {"id": "a", "result": 1}),
        (b'{"logic":1}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":null,"logic":1}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":true,"logic":1}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":[],"logic":1}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b"[]", {"id": None, "error": Fault.LINE_MALFORMED}),
        (b"", {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":"a","logic":1', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":"a","logic":NaN}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":"a","logic":"\xff"}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":"a","logic":1} {}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (b'{"id":"a","id":"b","logic":1}', {"id": None, "error": Fault.LINE_MALFORMED}),
        (
            b'{"id":"a","logic":{"===":[1,1],"===":[1,2]}}',
            {"id": None, "error": Fault.LINE_MALFORMED},
        ),
        (
            b'{"id":"a","logic":1,"data":1' + b"0" * 32 + b"}",
            {"id": None, "error": Fault.LINE_MALFORMED},
        ),
        (b'{"id":"a","logic":1,"data":1' + b"0" * 31 + b"}", {"id": "a", "result": 1}),
        (b"[" * 100_000, {"id": None, "error": Fault.LINE_MALFORMED}),
        (b" " * (MAX_LINE_BYTES + 1), {"id": None, "error": Fault.LINE_TOO_LONG}),
    ],
)
def test_answers(line: bytes, expected: Any) -> None:
    """A line has one answer."""
    assert answer(line) == expected


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_never_raises(line: bytes) -> None:
    """Any bytes are answered with one line."""
    assert answer(line).keys() in ({"id", "result"}, {"id", "error"})

"""One line of `kapok conform rules`: logic and data in, a result or a fault out.

Lives here: the shape of a line. Reading lines, skipping blank ones and flushing are the command's.
"""

from typing import Any, Final

import msgspec

from runtime.json_depth import NestingError, check_depth
from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import read_json
from verifier.policy.certlogic.compiler import MAX_NESTING, evaluate
from verifier.policy.certlogic.compiler import compile as compile_logic
from verifier.policy.certlogic.faults import EvaluationError, Fault, LogicError

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a line, as the protocol says."""
MAX_ID_INTEGER: Final = 2**53 - 1
"""The largest number that may be an id: larger ones would come back changed elsewhere."""


def conform_line(line: bytes) -> bytes:
    """Answer one line {"id", "logic", "data"} with {"id", "result"} or {"id", "error"}.

    Data that is not there is null; other members are for others. The answer carries no line end.
    Never raises.
    """
    if len(line) > MAX_LINE_BYTES:
        return _answer(None, "error", Fault.LINE_TOO_LONG)
    try:
        check_depth(line, MAX_NESTING)
        item = read_json(line.strip(b" \t\r\n"), MAX_NESTING)
    except (NestingError, MalformedError):
        return _answer(None, "error", Fault.LINE_MALFORMED)
    if type(item) is not dict:
        return _answer(None, "error", Fault.LINE_MALFORMED)
    identity = _identity(item.get("id"))
    if identity is None or "logic" not in item:
        return _answer(identity, "error", Fault.LINE_MALFORMED)
    try:
        result = evaluate(compile_logic(item["logic"]), item.get("data"))
    except (LogicError, EvaluationError) as error:
        return _answer(identity, "error", error.fault)
    return _answer(identity, "result", result)


def _identity(value: Any) -> str | int | None:
    """Return an id that can be given back as it came."""
    if type(value) is str or (type(value) is int and abs(value) <= MAX_ID_INTEGER):
        return value
    return None


def _answer(identity: str | int | None, name: str, value: Any) -> bytes:
    return msgspec.json.encode({"id": identity, name: value})

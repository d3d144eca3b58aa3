"""What is said of one scan line among several that was not taken; nothing of it is repeated."""

from typing import Final

import msgspec

from runtime.http.phrases import phrase
from runtime.http.problems import Problem
from verifier.contract.errors import MalformedError
from verifier.contract.scan import LineProblem, scan_id_bytes


class _Named(msgspec.Struct, frozen=True):
    """What a spoiled line may still tell."""

    scan_id: str


_NAMED: Final = msgspec.json.Decoder(_Named)


def line_problem(problem: Problem, line: bytes, root: str) -> LineProblem:
    """Return the problem of a line that stands at `root`; its scan_id if it has one."""
    try:
        scan_id: str | None = _NAMED.decode(line).scan_id
        scan_id_bytes(scan_id or "")
    except (msgspec.DecodeError, ValueError, RecursionError, MalformedError):
        scan_id = None
    return refusal(problem, scan_id, root)


def refusal(problem: Problem, scan_id: str | None, root: str = "$") -> LineProblem:
    """Return the problem of a line whose scan_id is known."""
    field = problem.field
    return LineProblem(
        scan_id=scan_id,
        title=phrase(problem.status),
        status=int(problem.status),
        code=problem.code,
        field=None if field is None else root + field.removeprefix("$"),
    )

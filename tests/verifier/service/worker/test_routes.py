"""The worker's table names every code that its doors raise, and no other."""

import re
from pathlib import Path
from typing import Final

from runtime.http.operations import problems_of
from verifier.service.worker.routes import TABLE

ROOT: Final = Path(__file__).resolve().parents[4]
HTTP: Final = ROOT / "runtime/http"
WORKER: Final = ROOT / "verifier/service/worker"
ELSEWHERE: Final = frozenset(
    (
        *("path.unknown", "method.unknown"),
        *("version.unknown", "coding.unknown", "expectation.unknown"),
    )
)
"""Of no one operation: an unknown path or method, a head that no door takes."""
MADE: Final = frozenset(
    (
        *("internal", "grant.suspended", "grant.revoked"),
        *("token.bad", "token.expired", "token.early", "token.stale"),
        *("picture.truncated", "picture.unsupported", "picture.too_many_pixels"),
    )
)
"""Codes that stand in no source as they are: they are made of a state, a cause."""
NO_PROBLEMS: Final = frozenset(
    (
        *("http.failed", "http.no_files", "stream.binary", "system.stopping"),
        *("connections.refused", "files.scarce"),
        *("audit.refused", "clock.ahead", "clock.behind"),
    )
)
"""Events of the log, reasons of a stream's end, warnings of readiness."""


def test_every_code_is_documented_and_no_other() -> None:
    """In the table, on the page for people, and in the source."""
    raised = {
        code
        for path in (*HTTP.glob("*.py"), *WORKER.glob("doors/*.py"), WORKER / "gates.py")
        for code in re.findall(r'"([a-z]+\.[a-z_]+)"', path.read_text(encoding="utf-8"))
    } | MADE
    documented = {
        code
        for one in TABLE.operations
        for codes in problems_of(one, tokens=True).values()
        for code in codes
    }
    page = (ROOT / "docs/http-verifier.md").read_text(encoding="utf-8")
    assert {code for code in documented | ELSEWHERE if f"`{code}`" not in page} == set()
    assert raised - documented - ELSEWHERE - NO_PROBLEMS == set()
    assert documented - raised - ELSEWHERE == set()

"""The OpenAPI document says what the doors do: the same routes, codes and types; up to date."""

import json
import re
from pathlib import Path
from typing import Any, Final

from verifier.service.openapi.__main__ import derived
from verifier.service.openapi.document import document
from verifier.service.openapi.operations import OPERATIONS

ROOT: Final = Path(__file__).resolve().parents[4]
DOOR: Final = ROOT / "runtime/http"
HTTP: Final = ROOT / "verifier/service/http"
WORKER: Final = ROOT / "verifier/service/worker"
ELSEWHERE: Final = frozenset(("path.unknown", "method.unknown", "caller.busy"))
"""Of no one request: an unknown path, an unknown method, too much of one caller at once."""

MADE: Final = frozenset(
    (
        *("internal", "grant.suspended", "grant.revoked"),
        *("token.bad", "token.expired", "token.early", "token.stale"),
        *("picture.truncated", "picture.unsupported", "picture.too_many_pixels"),
    )
)
"""Codes that stand in no source as they are: they are made of a state, a cause."""
NO_PROBLEMS: Final = frozenset(("http.failed", "stream.binary", "system.stopping", "audit.refused"))
"""An event of the log, reasons of a stream's end, a warning of readiness."""


def test_the_files_are_up_to_date() -> None:
    """`python -m verifier.service.openapi` writes them."""
    for name, text in derived().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name


def test_every_route_is_documented_and_no_other() -> None:
    """By the tables of routes in the source."""
    route = re.compile(r'Route\(\s*method="(\w+)",\s*path="([^"]+)"')
    sources = (WORKER / "run.py", WORKER / "doors/bundles.py")
    found = {one for path in sources for one in route.findall(path.read_text(encoding="utf-8"))}
    health = re.findall(r'\("(/\w+)", \w+\)', (DOOR / "health.py").read_text(encoding="utf-8"))
    found |= {("GET", path) for path in health}
    documented = {(one.method, re.sub(r"\{\w+\}", "{}", one.path)) for one in OPERATIONS}
    assert len(found) > 10
    assert documented == found


def test_every_code_is_documented_and_no_other() -> None:
    """In the document, on the page for people, and in the source."""
    raised = {
        code
        for path in (
            *DOOR.glob("*.py"),
            *HTTP.glob("*.py"),
            *WORKER.glob("doors/*.py"),
            WORKER / "gates.py",
        )
        for code in re.findall(r'"([a-z]+\.[a-z_]+)"', path.read_text(encoding="utf-8"))
    } | MADE
    documented = {code for one in OPERATIONS for codes in one.problems.values() for code in codes}
    page = (ROOT / "docs/http-verifier.md").read_text(encoding="utf-8")
    assert {code for code in documented | ELSEWHERE if f"`{code}`" not in page} == set()
    assert raised - documented - ELSEWHERE - NO_PROBLEMS == set()
    assert documented - raised == set()


def refs(value: Any) -> set[str]:
    """Find every reference of a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(refs(one) for one in value.values()))
    return set().union(*(refs(one) for one in value)) if isinstance(value, list) else set()


def test_references_lead_somewhere_and_every_type_is_used() -> None:
    """And the document is JSON."""
    made = json.loads(json.dumps(document()))
    named = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert refs(made) == named
    names = [one["operationId"] for way in made["paths"].values() for one in way.values()]
    assert len(set(names)) == len(names) == len(OPERATIONS)

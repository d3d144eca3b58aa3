"""The documents of all services say what their tables of routes say, and are up to date."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.openapi import TABLES, derived
from runtime.http.openapi.document import document
from runtime.http.operations import RouteTable, faults, problems_of

ROOT: Final = Path(__file__).resolve().parents[2]
ELSEWHERE: Final = frozenset({"path.unknown", "method.unknown"})
"""Of no one request: an unknown path, an unknown method."""
each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def test_the_files_are_up_to_date() -> None:
    """`python -m deploy.openapi` writes them."""
    for name, text in derived().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name


def test_no_document_is_left_of_a_service_that_is_none() -> None:
    """Nor is one missing."""
    kept = {f"docs/{path.name}" for path in (ROOT / "docs").glob("openapi-*")}
    assert kept == set(derived())


@each_table
def test_a_table_has_no_faults(table: RouteTable) -> None:
    """Ids and ways are unique, variables are described."""
    assert list(faults(table)) == []


@each_table
def test_every_route_is_documented_and_no_other(table: RouteTable) -> None:
    """With its id, its answers and every code."""
    paths = document(table)["paths"]
    documented = {
        (method.upper(), path): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert set(documented) == {(one.method, one.path) for one in table.operations}
    for one in table.operations:
        made = documented[one.method, one.path]
        assert made["operationId"] == one.name
        problems = problems_of(one, tokens=table.tokens)
        assert set(made["responses"]) == {str(status) for status in {*one.replies, *problems}}


def refs(value: Any) -> set[str]:
    """Find every reference of a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(refs(one) for one in value.values()))
    return set().union(*(refs(one) for one in value)) if isinstance(value, list) else set()


@each_table
def test_references_lead_somewhere_and_every_type_is_used(table: RouteTable) -> None:
    """And the document is JSON."""
    made = json.loads(json.dumps(document(table)))
    named = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert refs(made) == named


@each_table
def test_every_code_is_explained(table: RouteTable) -> None:
    """On the page that the document names, or on one that this page leads to."""
    first = (ROOT / table.explained).read_text(encoding="utf-8")
    led = {name for name in re.findall(r"\]\(([a-z0-9-]+\.md)", first) if "openapi" not in name}
    pages = first + "".join((ROOT / "docs" / name).read_text("utf-8") for name in sorted(led))
    codes = {
        code
        for one in table.operations
        for codes in problems_of(one, tokens=table.tokens).values()
        for code in codes
    }
    assert {code for code in codes | ELSEWHERE if f"`{code}`" not in pages} == set()

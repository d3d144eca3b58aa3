"""Documents taken in order: what refuses one, and lines that are none."""

import json
from typing import Any

import pytest

from tests.support.vectors import FOLDER, load
from verifier.conform.bundles import conform_line

TAKEN = load(FOLDER / "accept" / "plane-taken-a-delta-of-two-changes.json")
DOCUMENTS = TAKEN["documents"]


def ask(documents: Any, **members: Any) -> Any:
    """Ask a line."""
    line = {"id": 1, "documents": documents} | members
    return json.loads(conform_line(json.dumps(line).encode()))


def test_all_are_taken() -> None:
    """No cause, no document, and the plane that they led to."""
    found = ask(DOCUMENTS)
    plane = found.pop("plane")
    assert found == {"id": 1, "cause": None, "document": None}
    assert plane == TAKEN["expect"]["plane"] | {"known_as_of": plane["as_of"]}


def test_the_document_that_is_refused_is_named() -> None:
    """By its place in the list; those before it were taken."""
    found = ask([*DOCUMENTS, DOCUMENTS[-1]])
    assert (found["cause"], found["document"]) == ("rollback", len(DOCUMENTS))
    found = ask([DOCUMENTS[0] | {"hex": "00"}, *DOCUMENTS[1:]])
    assert (found["cause"], found["document"]) == ("malformed", 0)
    assert "plane" not in found


@pytest.mark.parametrize(
    "documents",
    [
        [],
        "x",
        DOCUMENTS[1:],
        [DOCUMENTS[0] | {"hex": "zz"}],
        [DOCUMENTS[0] | {"at": "yesterday"}],
        [DOCUMENTS[0], DOCUMENTS[1] | {"kind": "weather"}],
        [DOCUMENTS[0] | {"more": 1}],
    ],
)
def test_a_line_that_is_none(documents: Any) -> None:
    """It is answered as such."""
    assert ask(documents)["error"] in ("documents.malformed", "at.malformed")

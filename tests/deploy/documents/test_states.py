"""Diagrams of states: every move of a table is drawn, and nothing else."""

import re
from pathlib import Path

import pytest

from deploy.documents.states import DIAGRAMS, Diagram, mermaid

ROOT = Path(__file__).parents[3]


def drawn(diagram: Diagram) -> set[tuple[str, str, str]]:
    """Read a diagram back: (from, signal, to); arrows of a group are each member's."""
    found = set()
    for line in mermaid(diagram):
        arrow = re.fullmatch(r"\s*(\w+) --> (\w+): (.+)", line)
        if arrow is None:
            continue
        state, to, words = arrow.groups()
        grouped = bool(diagram.group) and state == "open"
        for one in diagram.group if grouped else (state,):
            found |= {(one, word.replace(" ", "_"), to) for word in words.split(", ")}
    return found


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.source)
def test_every_move_is_drawn_and_no_other(diagram: Diagram) -> None:
    """What is read back from the drawing is what the table says."""
    moves = {
        (str(state), str(signal), str(to))
        for (state, signal), to in diagram.table.items()
        if type(to) is type(state) and to is not state
    }
    assert drawn(diagram) == moves


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.source)
def test_the_table_is_where_it_is_said_to_be(diagram: Diagram) -> None:
    """The file is there and has a table of that name."""
    file, _, name = diagram.source.partition(":")
    assert re.search(rf"^{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_a_move_that_is_planted_is_drawn() -> None:
    """The maker reads the table at every run; a state that nothing leaves is an end."""
    table = {("a", "go"): "b", ("a", "stay"): "a"}
    made = Diagram(title="t", about="", source="x:T", begins=("a",), table=table)
    assert list(mermaid(made)) == [
        "stateDiagram-v2",
        "    [*] --> a",
        "    a --> b: go",
        "    b --> [*]",
    ]

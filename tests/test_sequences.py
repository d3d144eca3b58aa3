"""Sequences of a terminal: each step is answered as its vector says."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.support.sequences import (
    SEQUENCES,
    of_kind,
    play_chunks,
    play_commands,
    play_outbox,
    play_uses,
)
from tests.support.vectors import load

PLAYERS: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "commands": play_commands,
    "chunks": play_chunks,
    "outbox": play_outbox,
}


@pytest.mark.parametrize("name", [name for kind in PLAYERS for name in of_kind(kind)])
def test_a_terminal_plays_a_sequence(name: str) -> None:
    """What it says, step after step."""
    vector = load(SEQUENCES[name])
    said = PLAYERS[vector["kind"]](vector["steps"])
    assert said == [step["expect"] for step in vector["steps"]]


@pytest.mark.parametrize("name", of_kind("uses"))
def test_a_terminal_takes_uses(name: str) -> None:
    """As the centre's store does; the same vectors are played there."""
    steps = load(SEQUENCES[name])["steps"]
    assert play_uses(steps) == [(step["expect"], step["members"]) for step in steps]


def test_every_sequence_is_played() -> None:
    """No file of a kind that nobody plays."""
    kinds = {load(path)["kind"] for path in SEQUENCES.values()}
    assert kinds == {*PLAYERS, "uses"}

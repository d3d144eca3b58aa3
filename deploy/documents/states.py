"""Diagrams of states as Mermaid text, drawn from the tables that the code itself runs on.

An arrow is drawn for each pair of states, with every signal that leads from one to the other. A
signal that changes nothing is left out. Moves that all states of a group have in common are drawn
once, from the group.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from firmware_stubs import connectivity, scans, terminal
from fleet import commands, presence
from fleet.contract.commands import FINAL_STATES, CommandState
from runtime.http import connection_states
from runtime.http.connection_states import ConnectionState
from verifier.contract.proposal import ProposalState
from verifier.feeds import breaker, corrections
from verifier.issuing import proposals


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """One table and what is said about it."""

    title: str
    about: str
    """One or two sentences."""
    source: str
    """File and name of the table."""
    begins: tuple[str, ...]
    """States in which a life may begin."""
    table: Mapping[tuple[Any, Any], Any]
    """(state, signal) -> state; what is no state of the table changes nothing."""
    group: frozenset[str] = frozenset()
    """States with moves in common."""

    @property
    def states(self) -> tuple[str, ...]:
        """Return every state, in the order of its first mention."""
        named = [state for state, _ in self.table]
        named += [to for to in self.table.values() if isinstance(to, type(named[0]))]
        return tuple(dict.fromkeys(map(str, named)))

    def moves(self) -> dict[tuple[str, str], list[str]]:
        """Return the signals that lead from a state to another."""
        found: dict[tuple[str, str], list[str]] = {}
        for (state, signal), to in self.table.items():
            if isinstance(to, type(state)) and to != state:
                found.setdefault((str(state), str(to)), []).append(_words(str(signal)))
        return found


DIAGRAMS: Final = (
    Diagram(
        title="A terminal",
        about="Where a terminal stands, and so who decides at its gate.",
        source="firmware_stubs/terminal.py:TABLE",
        begins=(terminal.State.BOOT,),
        table=terminal.TABLE,
    ),
    Diagram(
        title="The centre, as a terminal sees it",
        about="Whether the centre is worth asking. A change to `gone` is the signal `lost` of the"
        " table above. A change to `asked` is the signal `back`.",
        source="firmware_stubs/connectivity.py:TABLE",
        begins=(connectivity.CentreVerdict.ASKED,),
        table=connectivity.TABLE,
    ),
    Diagram(
        title="A scan at the terminal",
        about="One scan has one scan_id and gets one decision. The gate opens at most once for it.",
        source="firmware_stubs/scans.py:MOVES",
        begins=(scans.Phase.ASKING,),
        table=scans.MOVES,
    ),
    Diagram(
        title="The presence of a terminal",
        about="What the fleet believes of a terminal's connection. `down` is shown as offline,"
        " `late` and `grace` as degraded.",
        source="fleet/presence.py:TABLE",
        begins=(presence.Link.DOWN,),
        table=presence.TABLE,
    ),
    Diagram(
        title="A command to a terminal",
        about="A command is delivered at least once. A terminal may answer in any open state."
        " What is outside the frame is an end.",
        source="fleet/commands.py:TABLE",
        begins=(CommandState.CREATED,),
        table=commands.TABLE,
        group=frozenset(map(str, frozenset(CommandState) - FINAL_STATES)),
    ),
    Diagram(
        title="A proposal of two persons",
        about="One person proposes, another approves. An open proposal ends after a day.",
        source="verifier/issuing/proposals.py:STEPS",
        begins=(ProposalState.OPEN,),
        table=proposals.STEPS,
    ),
    Diagram(
        title="A case of correction",
        about="A person says that a status is wrong. Two persons decide by a proposal.",
        source="verifier/feeds/corrections.py:MOVES",
        begins=(corrections.CorrectionState.OPEN,),
        table=corrections.MOVES,
    ),
    Diagram(
        title="The circuit breaker of a source",
        about="Whether batches of a source of status are taken.",
        source="verifier/feeds/breaker.py:TABLE",
        begins=(breaker.BreakerState.CLOSED,),
        table=breaker.TABLE,
    ),
    Diagram(
        title="A client's connection",
        about="What a door does with a connection, on the fast lane or by aiohttp. What is outside"
        " the frame is the end.",
        source="runtime/http/connection_states.py:MOVES",
        begins=(ConnectionState.READY,),
        table={
            (state, event): to
            for event, row in connection_states.MOVES.items()
            for state, to in row.items()
        },
        group=frozenset(ConnectionState) - {ConnectionState.ENDED},
    ),
)


def page(diagrams: tuple[Diagram, ...] = DIAGRAMS) -> str:
    """Return docs/states.md."""
    return "\n".join([*_HEAD, *(line for each in diagrams for line in section(each))]) + "\n"


_HEAD: Final = (
    "# States",
    "<!-- Made by `python -m deploy.documents`. Do not edit: a test compares. -->",
    "",
    "Each diagram is drawn from a table in the code. The file and the name of the table stand",
    "under the heading. A signal that changes nothing is left out. The words of states and signals",
    "are explained in the file of the table.",
)


def section(diagram: Diagram) -> Iterator[str]:
    """Yield the lines of one diagram, with its heading."""
    file, _, name = diagram.source.partition(":")
    yield from (
        "",
        f"## {diagram.title}",
        f"`{name}` in [{file}](../{file})",
        "",
        diagram.about,
        "",
    )
    yield from ("```mermaid", *mermaid(diagram), "```")


def mermaid(diagram: Diagram) -> Iterator[str]:
    """Yield the lines of a Mermaid state diagram."""
    moves, group = diagram.moves(), diagram.group
    shared = _shared(moves, group)
    yield "stateDiagram-v2"
    if shared:
        yield "    state open {"
        yield from (f"        [*] --> {state}" for state in diagram.begins)
        yield from (f"        {line}" for line in _arrows(moves, shared, inside=group))
        yield "    }"
        yield from (f"    open --> {to}: {', '.join(words)}" for to, words in shared.items())
    else:
        yield from (f"    [*] --> {state}" for state in diagram.begins)
    yield from (f"    {line}" for line in _arrows(moves, shared, outside=group))
    leaving = {state for state, _ in moves}
    yield from (f"    {state} --> [*]" for state in diagram.states if state not in leaving)


def _arrows(
    moves: Mapping[tuple[str, str], list[str]],
    shared: Mapping[str, list[str]],
    *,
    inside: frozenset[str] | None = None,
    outside: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """Yield the arrows between states that are all inside a group, or not all of it."""
    for (state, to), words in moves.items():
        own = [word for word in words if word not in shared.get(to, ())]
        drawn = {state, to} <= inside if inside is not None else not {state, to} <= outside
        if drawn and own:
            yield f"{state} --> {to}: {', '.join(own)}"


def _shared(
    moves: Mapping[tuple[str, str], list[str]], group: frozenset[str]
) -> dict[str, list[str]]:
    """Return the moves that every state of a group has: to which state, by which signals."""
    found: dict[str, list[str]] = {}
    for to in dict.fromkeys(to for _, to in moves):
        words = [set(moves.get((state, to), ())) for state in group if state != to]
        common = set.intersection(*words) if words else set()
        if common and to not in group:
            found[to] = sorted(common)
    return found


def _words(name: str) -> str:
    return name.replace("_", " ")

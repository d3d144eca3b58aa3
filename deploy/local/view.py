"""The live view: three panels on a terminal, one line an event everywhere else.

Draws snapshots and nothing more; what is in them is the business of `watch`.
"""

import time
from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.child import ChildState
from deploy.local.snapshot import DecisionRow, FactRow, ProblemRow, Severity, Snapshot, TerminalRow

REMEMBERED_SCANS: Final = 1_000
"""Scan ids that the plain view has printed; more than a snapshot can hold."""
PANEL_FRAME_LINES: Final = 2
HEAD_LINES: Final = 1
ROOMY_LINES: Final = 28
"""From this height on there is room for how planes, sources and archive stand."""
_COLOURS: Final = {"pass": "green", "deny": "red", "review": "yellow"}
_PRESENCES: Final = {
    "online": "green",
    "degraded": "yellow",
    "flapping": "yellow",
    "offline": "red",
}


class View(Protocol):
    """Shows snapshots until it is closed."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the house as it is now."""

    def close(self) -> None:
        """Give the terminal back."""


def open_view(console: Console, addresses: Sequence[str]) -> View:
    """Return the panels for a terminal, lines for anything else."""
    return LiveView(console, addresses) if console.is_terminal else PlainView(console)


class LiveView:
    """Three panels on the alternate screen."""

    def __init__(self, console: Console, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        # Refreshed by us: a refresh thread beside a supervisor that forks would be asking for it.
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw the panels anew."""
        height = self._live.console.size.height
        self._live.update(panels(snapshot, self._addresses, height=height), refresh=True)

    def close(self) -> None:
        """Leave the alternate screen."""
        self._live.stop()


def panels(snapshot: Snapshot, addresses: Sequence[str], *, height: int) -> RenderableType:
    """Lay the three panels out for a screen of `height` lines."""
    problems = max(1, len(snapshot.problems)) + PANEL_FRAME_LINES
    terminals = max(1, len(snapshot.terminals)) + PANEL_FRAME_LINES + HEAD_LINES
    facts = snapshot.facts if height >= ROOMY_LINES else ()
    head = len(addresses) + len(facts) + HEAD_LINES
    # Decisions get what is left, but never less than a few lines: they are what one watches.
    problems = min(problems, max(PANEL_FRAME_LINES + 1, height // 3))
    terminals = min(terminals, max(PANEL_FRAME_LINES + 2, height // 3))
    rows = max(1, height - head - problems - terminals - PANEL_FRAME_LINES - HEAD_LINES)
    layout = Layout()
    layout.split_column(
        Layout(_head(snapshot, addresses, facts), size=head),
        Layout(Panel(_decisions(snapshot.decisions[-rows:]), title="decisions")),
        Layout(Panel(_terminals(snapshot.terminals), title="terminals"), size=terminals),
        Layout(_wrong(snapshot.problems), size=problems),
    )
    return layout


def _head(snapshot: Snapshot, addresses: Sequence[str], facts: Sequence[FactRow]) -> RenderableType:
    ready = sum(child.state is ChildState.READY for child in snapshot.children)
    title = Text(f"kapok  {ready} of {len(snapshot.children)} processes ready", style="bold")
    title.append("   Ctrl-C stops everything", style="dim")
    lines = [Text(line, style="dim", no_wrap=True) for line in addresses]
    for fact in facts:
        said = Text(f"{fact.subject} ", style="dim", no_wrap=True, overflow="ellipsis")
        lines.append(said.append(fact.said, style="yellow" if fact.troubled else ""))
    return Group(title, *lines)


def _decisions(rows: Sequence[DecisionRow]) -> RenderableType:
    if not rows:
        return Text("none yet; `./kapok demo` in another terminal makes some", style="dim")
    table = _table("time", "place", "code", "decision", "why", "ms", "")
    table.columns[4].ratio = 1
    table.columns[5].justify = "right"
    for row in reversed(rows):
        _add(
            table,
            _clock(row.at),
            row.place,
            row.code_format,
            Text(row.decision, style=_COLOURS.get(row.decision, "")),
            _why(row),
            f"{row.milliseconds:.0f}",
            Text("offline", style="yellow") if row.offline else "online",
        )
    return table


def _terminals(rows: Sequence[TerminalRow]) -> RenderableType:
    if not rows:
        return Text("none yet", style="dim")
    table = _table("terminal", "presence", "network", "outbox", "bundles")
    table.columns[4].ratio = 1
    table.columns[3].justify = "right"
    for row in rows:
        _add(
            table,
            row.name,
            Text(row.presence or "?", style=_PRESENCES.get(row.presence or "", "dim")),
            row.network or "?",
            "?" if row.outbox is None else str(row.outbox),
            row.bundles or "?",
        )
    return table


def _wrong(rows: Sequence[ProblemRow]) -> RenderableType:
    if not rows:
        return Panel(Text("nothing", style="green"), title="what is wrong", border_style="green")
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for row in sorted(rows, key=lambda row: row.severity is not Severity.DOWN):
        style = "red" if row.severity is Severity.DOWN else "yellow"
        _add(table, Text(row.who, style=style), row.sentence)
    return Panel(table, title="what is wrong", border_style="red")


def _table(*heads: str) -> Table:
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, no_wrap=True, overflow="ellipsis")
    return table


def _add(table: Table, *cells: str | Text) -> None:
    # A bare string would be read as markup; what comes from doors is only text.
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


class PlainView:
    """One line an event: a decision, a terminal's presence, a problem that comes or goes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: dict[str, None] = {}
        self._presence: dict[str, str | None] = {}
        self._problems: dict[tuple[str, str], None] = {}

    def show(self, snapshot: Snapshot) -> None:
        """Print what is new since the last snapshot."""
        for row in snapshot.decisions:
            if row.scan_id not in self._printed:
                self._printed[row.scan_id] = None
                self._line(row.at, decision_line(row))
        while len(self._printed) > REMEMBERED_SCANS:
            self._printed.pop(next(iter(self._printed)))
        for terminal in snapshot.terminals:
            if self._presence.get(terminal.name) != terminal.presence:
                self._presence[terminal.name] = terminal.presence
                self._line(None, f"terminal {terminal.name} is {terminal.presence or 'unknown'}")
        said = {child.name for child in snapshot.children}  # the supervisor prints their changes
        now = {(row.who, row.sentence): None for row in snapshot.problems if row.who not in said}
        for who, what in now.keys() - self._problems.keys():
            self._line(None, f"problem {who}: {what}")
        for who in sorted({who for who, _ in self._problems} - {who for who, _ in now}):
            self._line(None, f"problem {who}: over")
        self._problems = now

    def close(self) -> None:
        """Nothing to give back."""

    def _line(self, at: float | None, text: str) -> None:
        stamp = _clock(time.time() if at is None else at)
        self._console.print(f"{stamp} {text}", markup=False, highlight=False, soft_wrap=True)


def decision_line(row: DecisionRow) -> str:
    """Say one decision in one line."""
    where = "offline" if row.offline else "online"
    return (
        f"{row.decision} {row.place} {row.code_format} {row.milliseconds:.0f} ms {where}:"
        f" {_why(row)}"
    )


def _why(row: DecisionRow) -> str:
    """Say the reason in its word and its sentence: one is looked up, the other is understood."""
    return f"{row.reason}: {row.sentence}" if row.reason else row.sentence


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))

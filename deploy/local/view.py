"""The live view: three panels on a terminal, one line an event everywhere else.

Draws snapshots and nothing more; what is in them is the business of `watch`.
"""

import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.child import ChildState
from deploy.local.snapshot import DecisionRow, FactRow, ProblemRow, Severity, Snapshot, TerminalRow
from deploy.words.chinese import said
from deploy.words.phrase import Phrase
from verifier.contract.reasons import Language

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


InWords = Callable[[str], str]
"""Says a phrase in the language of whoever looks."""


class View(Protocol):
    """Shows snapshots until it is closed."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the house as it is now."""

    def close(self) -> None:
        """Give the terminal back."""


def open_view(console: Console, addresses: Sequence[str], language: Language = Language.EN) -> View:
    """Return the panels for a terminal, lines for anything else."""
    if console.is_terminal:
        return LiveView(console, addresses, language)
    return PlainView(console, language)


class LiveView:
    """Three panels on the alternate screen."""

    def __init__(self, console: Console, addresses: Sequence[str], language: Language) -> None:
        self._addresses, self._language = tuple(addresses), language
        self._console = console
        self._lines: PlainView | None = None
        """Once there was something that panels cannot show."""
        # Refreshed by us: a refresh thread beside a supervisor that forks would be asking for it.
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draw the panels anew; what cannot be drawn is printed as lines from then on."""
        if self._lines is not None:
            self._lines.show(snapshot)
            return
        height = self._live.console.size.height
        drawn = panels(snapshot, self._addresses, height=height, language=self._language)
        try:
            self._live.update(drawn, refresh=True)
        except Exception as error:  # noqa: BLE001 - no text may end a house because it is shown
            self._live.stop()
            self._lines = PlainView(self._console, self._language)
            line = Phrase(
                "the panels cannot be drawn ({error}); lines follow", error=type(error).__name__
            )
            self._console.print(said(line, self._language), markup=False, soft_wrap=True)
            self._lines.show(snapshot)

    def close(self) -> None:
        """Leave the alternate screen."""
        self._live.stop()


def panels(
    snapshot: Snapshot,
    addresses: Sequence[str],
    *,
    height: int,
    language: Language = Language.EN,
) -> RenderableType:
    """Lay the three panels out for a screen of `height` lines."""
    in_words = partial(said, language=language)
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
        Layout(_head(snapshot, addresses, facts, in_words), size=head),
        Layout(
            Panel(
                _decisions(snapshot.decisions[-rows:], in_words),
                title=in_words(Phrase("decisions")),
            )
        ),
        Layout(
            Panel(_terminals(snapshot.terminals, in_words), title=in_words(Phrase("terminals"))),
            size=terminals,
        ),
        Layout(_wrong(snapshot.problems, in_words), size=problems),
    )
    return layout


def _head(
    snapshot: Snapshot, addresses: Sequence[str], facts: Sequence[FactRow], in_words: InWords
) -> RenderableType:
    ready = sum(child.state is ChildState.READY for child in snapshot.children)
    counted = Phrase(
        "kapok  {ready} of {all} processes ready", ready=ready, all=len(snapshot.children)
    )
    title = Text(in_words(counted), style="bold")
    title.append(f"   {in_words(Phrase('Ctrl-C stops everything'))}", style="dim")
    lines = [Text(in_words(line), style="dim", no_wrap=True) for line in addresses]
    for fact in facts:
        line = Text(f"{in_words(fact.subject)} ", style="dim", no_wrap=True, overflow="ellipsis")
        lines.append(line.append(in_words(fact.said), style="yellow" if fact.troubled else ""))
    return Group(title, *lines)


def _decisions(rows: Sequence[DecisionRow], in_words: InWords) -> RenderableType:
    if not rows:
        hint = Phrase("none yet; `./kapok demo` in another terminal makes some")
        return Text(in_words(hint), style="dim")
    heads = ("time", "place", "code", "decision", "why", "ms")
    table = _table(*(in_words(Phrase(head)) for head in heads), "")
    table.columns[4].ratio = 1
    table.columns[5].justify = "right"
    for row in reversed(rows):
        _add(
            table,
            _clock(row.at),
            row.place,
            row.code_format,
            Text(in_words(Phrase(row.decision)), style=_COLOURS.get(row.decision, "")),
            in_words(_why(row)),
            f"{row.milliseconds:.0f}",
            Text(in_words(_where(row)), style="yellow" if row.offline else ""),
        )
    return table


def _terminals(rows: Sequence[TerminalRow], in_words: InWords) -> RenderableType:
    if not rows:
        return Text(in_words(Phrase("none yet")), style="dim")
    heads = ("terminal", "presence", "network", "outbox", "bundles")
    table = _table(*(in_words(Phrase(head)) for head in heads))
    table.columns[4].ratio = 1
    table.columns[3].justify = "right"
    for row in rows:
        _add(
            table,
            row.name,
            Text(in_words(row.presence or "?"), style=_PRESENCES.get(row.presence or "", "dim")),
            in_words(row.network or "?"),
            "?" if row.outbox is None else str(row.outbox),
            row.bundles or "?",
        )
    return table


def _wrong(rows: Sequence[ProblemRow], in_words: InWords) -> RenderableType:
    title = in_words(Phrase("what is wrong"))
    if not rows:
        nothing = Text(in_words(Phrase("nothing")), style="green")
        return Panel(nothing, title=title, border_style="green")
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for row in sorted(rows, key=lambda row: row.severity is not Severity.DOWN):
        style = "red" if row.severity is Severity.DOWN else "yellow"
        _add(table, Text(row.who, style=style), in_words(row.sentence))
    return Panel(table, title=title, border_style="red")


def _table(*heads: str) -> Table:
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, no_wrap=True, overflow="ellipsis")
    return table


def _add(table: Table, *cells: str | Text) -> None:
    # A bare string would be read as markup; what comes from doors is only text.
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


_PROCESS: Final = "process."
"""How codes begin of what `kapok status` finds of processes: away, silent, restarted."""
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
"""Seconds and bytes: a line is not printed again because they changed."""


class PlainView:
    """One line for each event: a decision, a terminal's presence, a problem that comes or goes."""

    def __init__(self, console: Console, language: Language = Language.EN) -> None:
        self._console, self._language = console, language
        self._printed: dict[str, None] = {}
        self._presence: dict[str, str | None] = {}
        self._problems: dict[tuple[str, str], str] = {}

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
                presence = terminal.presence or Phrase("unknown")
                line = Phrase(
                    "terminal {name} is {presence}", name=terminal.name, presence=presence
                )
                self._line(None, line)
        self._show_problems(snapshot)

    def _show_problems(self, snapshot: Snapshot) -> None:
        children = {child.name for child in snapshot.children}
        now: dict[tuple[str, str], str] = {}
        for row in snapshot.problems:
            names = row.who.split(", ")
            if children.issuperset(names) and (not row.code or row.code.startswith(_PROCESS)):
                continue  # the supervisor prints how its children come and go
            # A name alone keeps its words in the caller's language.
            said_as = names if len(names) > 1 else [row.who]
            text = _NUMBER.sub("", row.sentence)
            known = {(name, text): who for name, who in zip(names, said_as, strict=True)}
            if known.keys() - self._problems.keys():
                self._line(None, Phrase("problem {who}: {what}", who=row.who, what=row.sentence))
            now |= known
        still = {name for name, _ in now}
        for name, who in sorted({key[0]: who for key, who in self._problems.items()}.items()):
            if name not in still:
                self._line(None, Phrase("problem {who}: over", who=who))
        self._problems = now

    def close(self) -> None:
        """Nothing to give back."""

    def _line(self, at: float | None, text: str) -> None:
        stamp = _clock(time.time() if at is None else at)
        line = f"{stamp} {said(text, self._language)}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def decision_line(row: DecisionRow) -> Phrase:
    """Say one decision in one line."""
    return Phrase(
        "{decision} {place} {form} {ms:.0f} ms {where}: {why}",
        decision=Phrase(row.decision),
        place=row.place,
        form=row.code_format,
        ms=row.milliseconds,
        where=_where(row),
        why=_why(row),
    )


def _where(row: DecisionRow) -> Phrase:
    return Phrase("offline" if row.offline else "online")


def _why(row: DecisionRow) -> str:
    """Say the reason in its word and its sentence: one is looked up, the other is understood."""
    if not row.reason:
        return row.sentence
    return Phrase("{reason}: {sentence}", reason=row.reason, sentence=row.sentence)


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))

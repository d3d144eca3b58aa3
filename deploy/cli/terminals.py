"""`kapok terminals`, `kapok terminal cut|join`, `kapok command open-gate`, `kapok scan`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from deploy.cli.data_option import Data
from deploy.cli.house import MaybePerson, with_doors, with_operator
from deploy.cli.tables import Column, TableRow, print_table
from deploy.local import terminals as steering
from deploy.local.errors import EXIT_FAILED
from deploy.words.chinese import said
from deploy.words.language import own_language
from deploy.words.phrase import Phrase
from fleet.contract.commands import CommandState, CommandType
from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.vocabulary import Outcome

MIN_INCIDENTS: Final = 16
"""Columns into which incidents may be pressed; below, a terminal is written as lines."""

Name = Annotated[str, typer.Argument(help="The terminal's id, such as hall-1.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(terminals)
    app.command()(scan)
    terminal = typer.Typer(help="One terminal on this machine.", no_args_is_help=True)
    terminal.command()(cut)
    terminal.command()(join)
    app.add_typer(terminal, name="terminal")
    command = typer.Typer(help="Tell a terminal to do something.", no_args_is_help=True)
    command.command("open-gate")(open_gate)
    app.add_typer(command, name="command")


def terminals(*, data: Data = None) -> None:
    """Show the fleet: where each terminal stands and how it is."""
    rows = with_doors(data, steering.fleet_rows)
    print_terminals(Console(markup=False, highlight=False), rows, own_language())


def print_terminals(console: Console, rows: Iterable[Sequence[str]], language: Language) -> None:
    """Print the fleet; an incident's kind is never broken."""
    columns = [Column(name=said(name, language)) for name in steering.COLUMNS]
    columns[-1] = Column(name=columns[-1].name, breaks=MIN_INCIDENTS)
    cells = [TableRow(cells=[said(cell, language) for cell in row]) for row in rows]
    print_table(console, columns, cells)


def cut(name: Name, *, data: Data = None) -> None:
    """Cut a terminal off from the network; it goes on deciding alone."""
    with_doors(data, lambda doors: steering.switch_network(doors, name, cut=True))
    typer.echo(f"{name} is cut off; it decides alone and keeps its records")


def join(name: Name, *, data: Data = None) -> None:
    """Join a cut-off terminal to the network again; it uploads what it kept."""
    with_doors(data, lambda doors: steering.switch_network(doors, name, cut=False))
    typer.echo(f"{name} is joined; it uploads what it kept")


def open_gate(
    name: Name,
    *,
    wait: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds to wait.")] = 30.0,
    person: MaybePerson = None,
    data: Data = None,
) -> None:
    """Open a terminal's gate once, and wait for its word that it did."""
    command = with_operator(
        data,
        person,
        lambda doors: steering.give_command(doors, name, CommandType.OPEN_GATE, wait_s=wait),
    )
    typer.echo(f"open-gate {name}: {command['state']} (command {command['id']})")
    if command["state"] != CommandState.SUCCEEDED:
        raise typer.Exit(EXIT_FAILED)


def scan(
    name: Name,
    picture: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP picture of a code.")],
    *,
    data: Data = None,
) -> None:
    """Hold a picture before a terminal's lens and print what it decides."""
    found = with_doors(data, lambda doors: steering.scan_picture(doors, name, picture))
    typer.echo(scan_line(found, own_language()))


def scan_line(found: Mapping[str, Any], language: Language) -> str:
    """Say what a terminal answered; its own sentence is in the language of the place."""
    if "card" in found:
        # Only here: it brings the readers of codes, which no other answer needs.
        from firmware_stubs.chunks import CardProgress  # noqa: PLC0415

        card = CardProgress(read=found["card"]["read"], total=found["card"]["total"])
        return card.sentence(language)
    decision, reason = Outcome(found["decision"]), found.get("reason")
    template = "{decision} {reason} ({where}, {ms:.0f} ms): {sentence}"
    line = Phrase(
        template if reason else "{decision} ({where}, {ms:.0f} ms): {sentence}",
        decision=Phrase(decision.value),
        reason=reason,
        where=Phrase("online" if found.get("online") else "offline"),
        ms=found["ms"],
        sentence=sentence(decision, Reason(reason) if reason else None, language),
    )
    return said(line, language)

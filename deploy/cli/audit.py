"""`kapok audit verify|show`: what was done, by whom, and whether a log is whole (docs/audit.md)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.data_option import Data, data_folder
from deploy.cli.tables import Column, TableRow, print_table
from deploy.local import audits
from deploy.local.errors import EXIT_FAILED
from verifier.contract.audit import AuditEntry

Files = Annotated[
    list[Path] | None, typer.Argument(help="Logs; without any, all of the data folder.")
]
_COLUMNS = ("time (UTC)", "log", "person", "action", "subject", "from", "to", "reason", "ref")
_WIDE = 200
"""Columns of a table that no terminal bounds: a pipe or a file."""


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="The audit logs.")
    group.command()(verify)
    group.command()(show)
    app.add_typer(group, name="audit")


def verify(
    files: Files = None,
    *,
    head: Annotated[
        str | None,
        typer.Option(help="NUMBER:HASH noted elsewhere before; of one file, which must hold it."),
    ] = None,
    data: Data = None,
) -> None:
    """Check that no entry was changed, taken out, put in, moved or cut off."""
    paths = audits.logs(data_folder(data), files or ())
    failed = False
    for path, found in audits.verified(paths, head):
        if found.flaw is None:
            said = f"whole, {found.entries} entries, head {found.head.seq}:{found.head.hash}"
        else:
            said = f"line {found.line}: {found.flaw}: {audits.EXPLAINED[found.flaw]}"
        failed |= found.flaw is not None
        typer.echo(f"{path}: {said}")
    if failed:
        raise typer.Exit(EXIT_FAILED)


def show(
    files: Files = None,
    *,
    person: Annotated[str | None, typer.Option(help="Of one operator only.")] = None,
    ref: Annotated[str | None, typer.Option(help="Of one matter, such as a proposal's id.")] = None,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    data: Data = None,
) -> None:
    """Show the last entries of all logs by their time; whether they hold is `verify`'s to say."""
    paths = audits.logs(data_folder(data), files or ())
    found = audits.entries(paths, person=person, ref=ref, last=last)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=_WIDE)
    print_entries(console, found)


def print_entries(console: Console, entries: Iterable[AuditEntry]) -> None:
    """Print entries, one in each row."""
    columns = [Column(name=name) for name in _COLUMNS]
    print_table(console, columns, [TableRow(cells=_row(entry)) for entry in entries])


def _row(entry: AuditEntry) -> tuple[str, ...]:
    at = datetime.fromtimestamp(entry.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    who = entry.person or entry.by
    return (
        *(at, f"{entry.process} {entry.seq}", who, entry.action, entry.subject),
        *(entry.before, entry.after, entry.reason, entry.ref),
    )

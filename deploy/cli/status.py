"""`kapok status`: what broke, and why, on one screen (docs/runbook.md)."""

import asyncio
import sys
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli.data_option import Data, data_folder
from deploy.cli.status_tables import print_report
from deploy.local.errors import EXIT_FAILED
from deploy.status.look import look
from deploy.words.language import own_language

WIDE: Final = 200
"""Columns of a line that no terminal bounds: a pipe or a file."""
EXIT_AWAY: Final = 2
"""The house does not answer."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: Data = None,
) -> None:
    """Say whether all is well; exit code 1: something is wrong, 2: the house does not answer."""
    report = asyncio.run(look(data_folder(data)))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report.document()) + b"\n")
    else:
        console = Console(markup=False, highlight=False)
        if not console.is_terminal:
            console = Console(markup=False, highlight=False, width=WIDE)
        print_report(console, report, own_language())
    if not report.answers:
        raise typer.Exit(EXIT_AWAY)
    if report.wrong:
        raise typer.Exit(EXIT_FAILED)

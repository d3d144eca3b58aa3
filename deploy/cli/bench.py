"""`kapok bench`: the figures of docs/bench.md, one JSON object a line."""

import os
import sys
from typing import Annotated

import typer

from deploy.local.clone import clone_folder


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Groups: cli, core, hc1, http, peer, status, store, terminal."),
    ] = None,
) -> None:
    """Measure this machine; without names, everything."""
    os.chdir(clone_folder())
    sys.stdout.flush()
    arguments = [sys.executable, "-m", "tests.bench", *(names or [])]
    os.execv(sys.executable, arguments)  # noqa: S606 - its exit code is ours

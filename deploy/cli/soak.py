"""`kapok soak`: damaged inputs to every parser, for as long as one likes."""

import os
import sys
from typing import Annotated

import typer

from deploy.local.clone import clone_folder


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(soak)


def soak(
    seconds: Annotated[float, typer.Argument(min=1, help="How long.")] = 3600.0,
    *,
    seed: Annotated[int | None, typer.Option(help="Repeat a run.")] = None,
) -> None:
    """Attack every parser with damaged inputs; a finding ends it with exit code 1."""
    os.chdir(clone_folder())
    sys.stdout.flush()
    arguments = [str(seconds), *([] if seed is None else [str(seed)])]
    command = [sys.executable, "-m", "tests.soak", *arguments]
    os.execv(sys.executable, command)  # noqa: S606 - its exit code is ours

"""`kapok test [quick]`: all the tests, the quick ones, or whatever pytest takes."""

import os
import sys
from pathlib import Path
from typing import Final

import typer

from deploy.local.clone import clone_folder
from deploy.local.errors import UsageError
from deploy.tests.rings import run_quick, run_rings

_QUICK: Final = "quick"
_NODE: Final = "::"
"""Between a file of tests and the name of one: file::name."""


def register(app: typer.Typer) -> None:
    """Add the command; options that typer does not know are pytest's."""
    app.command(
        name="test",
        options_metavar="[quick | ARGUMENTS OF PYTEST]",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(test)


def test(context: typer.Context) -> None:
    """Run the tests: all, `quick`, or those that pytest's arguments name (`-k name`).

    kapok test: every test; the first failure's exit code is that of the command.

    kapok test quick: every test that runs no house, and a few of each way through one.

    kapok test tests/fleet -x: pytest with these arguments.
    """
    root = clone_folder()
    os.chdir(root)
    sys.stdout.flush()
    given = context.args
    if not given:
        raise typer.Exit(run_rings(root))
    if given[0] == _QUICK:
        if given[1:]:
            raise UsageError(f"kapok test {_QUICK} takes no more words; it runs what it runs")
        raise typer.Exit(run_quick(root))
    if not given[0].startswith("-") and not Path(given[0].split(_NODE)[0]).exists():
        raise UsageError(
            f"kapok test {given[0]}: there is no such file or folder of tests;"
            f" `kapok test`, `kapok test {_QUICK}`, or pytest's arguments (`kapok test -k name`)"
        )
    arguments = [sys.executable, "-m", "pytest", *given]
    os.execv(sys.executable, arguments)  # noqa: S606 - pytest's exit code is ours

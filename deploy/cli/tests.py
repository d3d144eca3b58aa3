"""`kapok test`: all the tests, or with arguments whatever pytest takes."""

import os
import sys

import typer

from deploy.local.clone import clone_folder
from deploy.tests.rings import run_rings


def register(app: typer.Typer) -> None:
    """Add the command; options that typer does not know are pytest's."""
    app.command(
        name="test",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=False,
    )(test)


def test(context: typer.Context) -> None:
    """Run the tests; the arguments are pytest's (`kapok test -k name`)."""
    root = clone_folder()
    os.chdir(root)
    sys.stdout.flush()
    if not context.args:
        raise typer.Exit(run_rings(root))
    arguments = [sys.executable, "-m", "pytest", *context.args]
    os.execv(sys.executable, arguments)  # noqa: S606 - pytest's exit code is ours

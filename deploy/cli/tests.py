"""`kapok test`: the tests, with whatever pytest takes."""

import os
import sys

import typer

from deploy.local.launch import clone_folder


def register(app: typer.Typer) -> None:
    """Add the command; options that typer does not know are pytest's."""
    app.command(
        name="test",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=False,
    )(test)


def test(context: typer.Context) -> None:
    """Run the tests; the arguments are pytest's (`kapok test -k name`)."""
    os.chdir(clone_folder())
    sys.stdout.flush()
    arguments = [sys.executable, "-m", "pytest", *context.args]
    os.execv(sys.executable, arguments)  # noqa: S606 - pytest's exit code is ours

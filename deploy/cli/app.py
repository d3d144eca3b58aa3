"""The list of command groups, and how an error becomes one line and an exit code."""

import sys
from collections.abc import Callable
from typing import Final

import typer

from deploy.cli import (
    audit,
    bench,
    city,
    colour,
    conform,
    data,
    demo,
    destruction,
    feed,
    holder,
    inspect,
    issue,
    operator,
    person,
    records,
    soak,
    status,
    terminals,
    tests,
    trust,
    up,
    verify,
    version,
)
from deploy.local.errors import EXIT_INTERRUPTED, LocalError

GROUPS: Final[tuple[Callable[[typer.Typer], None], ...]] = (
    up.register,
    status.register,
    verify.register,
    inspect.register,
    trust.register,
    conform.register,
    tests.register,
    demo.register,
    feed.register,
    terminals.register,
    operator.register,
    colour.register,
    audit.register,
    data.register,
    issue.register,
    holder.register,
    city.register,
    records.register,
    person.register,
    destruction.register,
    bench.register,
    soak.register,
    version.register,
)
"""Each file of commands has a `register`; a new one is a line here."""


HELP_COLUMNS: Final = 120
"""Columns that help may take where the terminal has them; of 80 it cuts most sentences off."""


def build() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        name="kapok",
        help="Verifies the codes people carry and runs the fleet of terminals that scan them.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"max_content_width": HELP_COLUMNS},
        rich_markup_mode=None,  # an error is a plain line, also in a log
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def _root() -> None:
        """Keep the commands named, also while there is only one."""

    for register in GROUPS:
        register(app)
    return app


def main() -> int:
    """Run the command that the arguments name; return the exit code."""
    try:
        build()(prog_name="kapok")
    except LocalError as error:
        print(f"kapok: {error}", file=sys.stderr)  # noqa: T201 - the one clear line
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0

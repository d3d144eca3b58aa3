"""The command line's frame: the table of commands, and how an error becomes a line and a code.

A command's file is imported when that command is called. What all commands need is small: help and
`kapok version` import no package but the one that reads the arguments.
"""

import functools
import importlib
import os
import sys
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Final, cast

import typer
from typer.core import TyperGroup

from deploy.cli.table import COMMANDS, CommandRow
from deploy.local.account import ROOT_UID, acting_as_owner
from deploy.local.errors import EXIT_INTERRUPTED, LocalError

if TYPE_CHECKING:
    from collections.abc import Sequence

SELF_LIMITED: Final = frozenset({"up"})
"""Commands that become the folder's account for good before they open anything in it."""
FOLDER_OPTIONS: Final = frozenset({"data", "trust"})
"""Options that name a data folder; --trust may."""
HELP_COLUMNS: Final = 120
"""Columns that help may take where the terminal has them; of 80 it cuts most sentences off."""


class _Commands(MutableMapping[str, Any]):
    """Name -> command, made when it is asked for."""

    def __init__(self, rows: "Sequence[CommandRow]") -> None:
        self._rows = {row.name: row for row in rows}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made |= commands_of(self._rows[name].file)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _plain(option: Any) -> Any:
    """Let a --help that is not given be False: to judge None, typer imports all of pydantic."""
    if option is not None:
        option.default = False
    return option


class _Frame(TyperGroup):
    """The group of all commands; its help is the table's."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option --help, of which typer need not be told that False is a truth value."""
        return _plain(super().get_help_option(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command that the arguments name, with a plain --help of its own."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _plain(command.get_help_option(ctx))
        return name, command, rest

    def format_commands(self, _: Any, formatter: Any) -> None:
        """Write a line for each command without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.help) for row in COMMANDS])


def commands_of(file: str) -> dict[str, Any]:
    """Import a file of commands; return them by name."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.callback()
    def _named() -> None:
        """Keep the commands named, also while there is only one."""

    importlib.import_module(f"deploy.cli.{file}").register(app)
    found = dict(typer.main.get_group(app).commands)
    for name, command in found.items():
        if name not in SELF_LIMITED:
            _act_as_owner(command)
    return found


def _act_as_owner(command: Any) -> None:
    """Have a command that opens a data folder run as the folder's owner, when root calls it.

    What lies in the folder is the account's of the house, processes that may be taken over
    included: a link there must not lead root. Files that a person names are opened with
    `as_caller`.
    """
    for each in getattr(command, "commands", {}).values():
        _act_as_owner(each)
    options = {parameter.name for parameter in command.params} & FOLDER_OPTIONS
    run = command.callback
    if not options or run is None:
        return

    @functools.wraps(run)
    def owned(**given: Any) -> Any:
        named = next((given[name] for name in sorted(options) if given[name] is not None), None)
        if os.geteuid() != ROOT_UID:
            return run(**given)
        # Imported with the command: help imports none.
        folder = importlib.import_module("deploy.cli.data_option").data_folder(named)
        with acting_as_owner(folder):
            return run(**given)

    command.callback = owned


def build() -> TyperGroup:
    """Return the application with every command."""
    return _Frame(
        name="kapok",
        help="Verifies the codes people carry and runs the fleet of terminals that scan them.",
        commands=cast("dict[str, Any]", _Commands(COMMANDS)),
        no_args_is_help=True,
        context_settings={"max_content_width": HELP_COLUMNS},
        rich_markup_mode=None,  # an error is a plain line, also in a log
    )


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

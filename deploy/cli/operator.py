"""`kapok operator token`: act as an operator (docs/operators.md)."""

import typer

from deploy.cli.data_option import Data
from deploy.cli.house import Person, with_doors
from deploy.local.operators import operator_token


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Operators and their tokens.")
    group.callback()(_group)
    group.command()(token)
    app.add_typer(group, name="operator")


def _group() -> None:
    """Act as an operator."""


def token(person: Person, *, data: Data = None) -> None:
    """Print a token of a quarter of an hour, for the doors that ask for an operator."""
    answer = with_doors(data, lambda doors: operator_token(doors, person))
    typer.echo(answer["token"])

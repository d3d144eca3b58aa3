"""`kapok terminals`, `kapok terminal cut|join`, `kapok command open-gate`, `kapok scan`."""

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from deploy.cli.data_option import Data
from deploy.cli.house import MaybePerson, with_doors, with_operator
from deploy.local import terminals as steering
from deploy.local.errors import EXIT_FAILED
from fleet.contract.commands import CommandState, CommandType

Name = Annotated[str, typer.Argument(help="The terminal's id, such as hall-1.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(terminals)
    app.command()(scan)
    terminal = typer.Typer(help="One terminal on this machine.", no_args_is_help=True)
    terminal.command()(cut)
    terminal.command()(join)
    app.add_typer(terminal, name="terminal")
    command = typer.Typer(help="Tell a terminal to do something.", no_args_is_help=True)
    command.command("open-gate")(open_gate)
    app.add_typer(command, name="command")


def terminals(*, data: Data = None) -> None:
    """Show the fleet: where each terminal stands and how it is."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in steering.COLUMNS:
        table.add_column(name, no_wrap=name != "incidents")
    for row in with_doors(data, steering.fleet_rows):
        table.add_row(*row)
    Console().print(table)


def cut(name: Name, *, data: Data = None) -> None:
    """Cut a terminal off from the network; it goes on deciding alone."""
    with_doors(data, lambda doors: steering.switch_network(doors, name, cut=True))
    typer.echo(f"{name} is cut off; it decides alone and keeps its records")


def join(name: Name, *, data: Data = None) -> None:
    """Join a cut-off terminal to the network again; it uploads what it kept."""
    with_doors(data, lambda doors: steering.switch_network(doors, name, cut=False))
    typer.echo(f"{name} is joined; it uploads what it kept")


def open_gate(
    name: Name,
    *,
    wait: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds to wait.")] = 30.0,
    person: MaybePerson = None,
    data: Data = None,
) -> None:
    """Open a terminal's gate once, and wait for its word that it did."""
    command = with_operator(
        data,
        person,
        lambda doors: steering.give_command(doors, name, CommandType.OPEN_GATE, wait_s=wait),
    )
    typer.echo(f"open-gate {name}: {command['state']} (command {command['id']})")
    if command["state"] != CommandState.SUCCEEDED:
        raise typer.Exit(EXIT_FAILED)


def scan(
    name: Name,
    picture: Annotated[Path, typer.Argument(help="A PNG or JPEG picture of a code.")],
    *,
    data: Data = None,
) -> None:
    """Hold a picture before a terminal's lens and print what it decides."""
    found = with_doors(data, lambda doors: steering.scan_picture(doors, name, picture))
    where = "online" if found.get("online") else "offline"
    reason = f" {found['reason']}" if found.get("reason") else ""
    typer.echo(f"{found['decision']}{reason} ({where}, {found['ms']:.0f} ms): {found['sentence']}")

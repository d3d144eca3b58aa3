"""`kapok feed sources|status|send|reconcile`: the data channel, seen from a source."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from deploy.cli.data_option import Data, data_folder
from deploy.cli.house import with_doors
from deploy.feed import sender
from deploy.feed.files import form_of
from deploy.local.errors import EXIT_FAILED
from deploy.local.sources import DEMO_SOURCE
from verifier.contract.feed import BatchForm

Source = Annotated[str, typer.Argument(help="The source's name.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Status from other systems (docs/feeds.md).")
    group.command()(sources)
    group.command()(status)
    group.command()(send)
    group.command()(reconcile)
    app.add_typer(group, name="feed")


def sources(*, data: Data = None) -> None:
    """Show every source: how fresh it is, and what was refused of it."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in sender.COLUMNS:
        table.add_column(name)
    for row in with_doors(data, sender.source_rows):
        table.add_row(*row)
    Console().print(table)


def status(source: Source = DEMO_SOURCE, *, data: Data = None) -> None:
    """Print how a source stands, as one JSON object."""
    found = with_doors(data, lambda doors: doors.feeds(f"/v1/feeds/{source}"))
    typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


def send(
    file: Annotated[
        Path | None,
        typer.Argument(help="Lines: .ndjson or .csv. Without it: nothing has changed."),
    ] = None,
    *,
    source: Annotated[str, typer.Option(help="As which source.")] = DEMO_SOURCE,
    data: Data = None,
) -> None:
    """Sign a file with the source's key and send it as its next batch."""
    folder = data_folder(data)
    found = with_doors(data, lambda doors: sender.send_file(doors, folder, source, file))
    lines, header = int(found.get("lines", 0)), ""
    if file is not None and form_of(file) is BatchForm.CSV and lines:
        lines, header = lines - 1, "a header and "
    typer.echo(
        f"batch {found['sequence']} of {source} is {found['state']}: {header}{lines} lines ="
        f" {found.get('applied', 0)} applied + {found.get('older', 0)} overtaken"
        f" + {found.get('skipped', 0)} of strangers + {found.get('wrong', 0)} wrong"
    )


def reconcile(source: Source = DEMO_SOURCE, *, data: Data = None) -> None:
    """Compare what the source says it has sent with what the house holds."""
    folder = data_folder(data)
    found = with_doors(data, lambda doors: sender.reconcile(doors, folder, source))
    typer.echo(f"{source}: {found['standing']}; {found['sequence']} batches here")
    for name in ("resend", "differs"):
        if found[name]:
            typer.echo(f"{name}: {', '.join(map(str, found[name]))}")
    if found["standing"] != "equal":
        raise typer.Exit(EXIT_FAILED)

"""`kapok records list|count|check|export`: the day files of scans (docs/records.md)."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from deploy.cli.data_option import Data, data_folder
from deploy.cli.tables import Column, TableRow, print_table
from deploy.day_files import days, export
from deploy.local.account import open_named
from deploy.local.errors import EXIT_FAILED, UsageError
from verifier.archive.hours import hour_name

DayName = Annotated[str, typer.Argument(help="The day, UTC, such as 2026-11-25.")]
_KB: Final = 1024
_COLUMNS: Final = (
    Column(name="day"),
    *(
        Column(name=name, right=True)
        for name in ("hours", "parts", "records", "unread", "KB", "bytes a record")
    ),
    Column(name="destroyed on"),
)
_LAST_HOUR: Final = 23


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Records of scans, one folder for each day.")
    group.command("list")(list_days)
    group.command()(count)
    group.command()(check)
    group.command("export")(export_day)
    app.add_typer(group, name="records")


def list_days(*, data: Data = None) -> None:
    """List the days that are kept, and how far the moving has come."""
    folder = data_folder(data)
    found = days.read_days(folder)
    console = Console(markup=False, highlight=False)
    if found:
        print_days(console, found)
    progress = days.read_progress(folder)
    if progress is None:
        console.print("nothing was moved yet: an hour is moved a minute after it is over")
        return
    console.print(f"moved through {hour_name(progress.through)} (UTC)")
    for gap in progress.gaps:
        console.print(f"GAP {gap}: the archiving process was away; their records may be lost")


def print_days(console: Console, found: Iterable[days.Day]) -> None:
    """Print days, one in each row."""
    rows = []
    for day in found:
        manifest = day.manifest
        unread = sum(part.holds.unread for part in manifest.parts)
        each = manifest.octets / manifest.rows if manifest.rows else 0
        cells = (
            *(day.name, str(day.hours), str(len(manifest.parts)), f"{manifest.rows:,}"),
            *(str(unread), f"{manifest.octets / _KB:,.0f}", f"{each:.0f}", day.until),
        )
        rows.append(TableRow(cells=cells))
    print_table(console, _COLUMNS, rows)


def count(
    day: DayName,
    *,
    by: Annotated[str, typer.Option(help=f"One of {', '.join(days.COUNTED)}.")] = "decision",
    data: Data = None,
) -> None:
    """Count a day's rows by a column; a scan that was amended has a row for each amendment."""
    found = days.counted(days.one_day(data_folder(data), day), by)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(by)
    table.add_column("rows", justify="right")
    for value, number in found.most_common():
        table.add_row(value, f"{number:,}")
    table.add_section()
    table.add_row("all", f"{found.total():,}")
    Console(markup=False, highlight=False).print(table)


def check(
    day: Annotated[str | None, typer.Argument(help="One day; without it, all.")] = None,
    *,
    data: Data = None,
) -> None:
    """Compare every day file with its manifest: exit 0 when all are whole, 1 when not."""
    folder = data_folder(data)
    found = days.read_days(folder) if day is None else [days.one_day(folder, day)]
    wrong = 0
    for each in found:
        flaws = list(days.flaws(each))
        wrong += len(flaws)
        said = "whole" if not flaws else f"{len(flaws)} wrong"
        parts = len(each.manifest.parts)
        typer.echo(f"{each.name}: {said}, {parts} parts, {each.manifest.rows} records")
        for flaw in flaws:
            typer.echo(f"  {flaw.path}: {flaw.what}")
    if wrong:
        raise typer.Exit(EXIT_FAILED)


def export_day(
    day: DayName,
    *,
    hour: Annotated[int | None, typer.Option(min=0, max=_LAST_HOUR, help="One hour, UTC.")] = None,
    fields: Annotated[
        str | None, typer.Option(help="Columns, by commas; without it, all but the person's hash.")
    ] = None,
    form: Annotated[export.ExportForm, typer.Option("--format")] = export.ExportForm.NDJSON,
    output: Annotated[
        Path | None, typer.Option(help="A new file; without it, standard output.")
    ] = None,
    data: Data = None,
) -> None:
    """Write a day's rows as lines of JSON or CSV."""
    columns = export.fields(fields)
    found = days.one_day(data_folder(data), day)
    if output is None:
        _export(found, columns, hour, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with open_named(output, "xb") as target:
            written = _export(found, columns, hour, form, target)
    except FileExistsError:
        raise UsageError(f"{output} is there already; name a new file") from None
    except OSError as error:
        raise UsageError(f"{output}: {error.strerror}") from error
    typer.echo(f"{written} rows of {found.name} in {output}", err=True)


def _export(
    day: days.Day,
    columns: tuple[str, ...],
    hour: int | None,
    form: export.ExportForm,
    target: IO[bytes],
) -> int:
    console = Console(stderr=True)
    shown = (TextColumn("exporting"), BarColumn(), MofNCompleteColumn())
    idle = not console.is_terminal
    with Progress(*shown, console=console, transient=True, disable=idle) as progress:
        total = day.manifest.rows if hour is None else None
        rows = progress.track(days.rows(day, columns, hour=hour), total=total)
        return export.write(rows, columns, form, target)

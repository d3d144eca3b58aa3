"""`kapok issue bulk|cards`: credentials for everybody in a file, and pictures (docs/bulk.md)."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.bulk import journal
from deploy.bulk.lines import FileKind, LineFile
from deploy.bulk.pictures import PictureFormat, draw_files, draw_sheet, issued_codes
from deploy.bulk.sender import issue_all
from deploy.character_sets import advice
from deploy.cli.data_option import Data
from deploy.cli.house import with_doors
from deploy.local.account import open_named
from deploy.local.errors import EXIT_FAILED, UsageError

STDIN: Final = "-"
Moved = Callable[[journal.BulkProgress], None]


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="Issue credentials.", no_args_is_help=True)
    group.command()(bulk)
    group.command()(cards)
    app.add_typer(group, name="issue")


def bulk(
    file: Annotated[str, typer.Argument(help="CSV or NDJSON; - is standard input.")],
    *,
    out: Annotated[Path, typer.Option(help="Results, NDJSON: codes to print. A new file.")],
    errors: Annotated[Path, typer.Option(help="Lines that were refused, NDJSON. A new file.")],
    kind: Annotated[
        FileKind | None, typer.Option("--format", help="By default as the name ends; - is NDJSON.")
    ] = None,
    data: Data = None,
) -> None:
    """Issue to everybody in a file; given again after a break it goes on. Exit 1: some refused."""
    if out.absolute() == errors.absolute():
        raise UsageError("--out and --errors are the same file")
    with _opened(file) as (stream, size), _shown(size) as moved:
        source = LineFile(stream, kind or _kind_of(file))
        files = journal.open_journal(out, errors, job=secrets.token_hex(8))
        try:
            done = with_doors(data, lambda doors: issue_all(doors, source, files, moved=moved))
        finally:
            files.close()
    typer.echo(f"{done.lines} lines: {done.issued} issued, {done.refused} refused")
    if done.known:
        typer.echo(
            f"{done.known} of the {done.issued} were known before: they have one credential more"
            " now (the same command with the same --out would have gone on instead)"
        )
    if source.other:
        typer.echo(f"{source.others} lines are not UTF-8: {advice(source.other)}")
    if done.refused:
        typer.echo(f"why they were refused: {errors}")
        raise typer.Exit(EXIT_FAILED)


def cards(
    results: Annotated[
        str, typer.Argument(help="What `issue bulk --out` wrote; - is standard input.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="A .pdf of cards; or a folder, of pictures by line.")],
    form: Annotated[
        PictureFormat | None,
        typer.Option("--format", help="In a folder: png or svg."),
    ] = None,
) -> None:
    """Draw the codes of a bulk: a PDF of cards to print, or a picture for each line."""
    as_pdf = form is PictureFormat.PDF or (form is None and out.suffix.lower() == ".pdf")
    with _opened(results) as (stream, _):
        codes = issued_codes(stream)
        drawn = (
            draw_sheet(codes, out) if as_pdf else draw_files(codes, out, form or PictureFormat.PNG)
        )
    if not drawn:
        raise UsageError(f"{results} holds no code: lines of phones have none")
    typer.echo(f"{drawn} codes in {out}; they are codes of people: keep the files as such")


def _kind_of(file: str) -> FileKind:
    return FileKind.CSV if file.lower().endswith(".csv") else FileKind.NDJSON


@contextmanager
def _opened(file: str) -> Iterator[tuple[BinaryIO, int | None]]:
    if file == STDIN:
        yield sys.stdin.buffer, None
        return
    path = Path(file)
    try:
        stream = open_named(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    with stream:
        yield stream, os.fstat(stream.fileno()).st_size


@contextmanager
def _shown(size: int | None) -> Iterator[Moved]:
    """Yield what shows progress on standard error, where a person looks at it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("issuing"),
        BarColumn(),
        TextColumn("{task.fields[issued]} issued, {task.fields[refused]} refused"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=size, issued=0, refused=0)

        def moved(now: journal.BulkProgress) -> None:
            progress.update(task, completed=now.octets, issued=now.issued, refused=now.refused)

        yield moved

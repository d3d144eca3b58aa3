"""`kapok scanner`: the code by which a terminal says what its scanner does."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.account import open_named
from deploy.local.errors import UsageError
from verifier.barcode.render import symbol, to_png, to_screen, to_svg
from verifier.codes.scanner_report import COMMISSIONING_TEXT


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(scanner)


def scanner(
    *,
    out: Annotated[Path | None, typer.Option(help="A .png or .svg to print instead.")] = None,
) -> None:
    """Show the commissioning code for a terminal's scanner (docs/terminal.md, Scanners)."""
    drawn = symbol(COMMISSIONING_TEXT)
    if out is None:
        sys.stdout.write(to_screen(drawn))
        typer.echo("Read it with the scanner; the terminal says what the scanner does.")
        return
    kind = out.suffix.lower()
    if kind not in (".png", ".svg"):
        raise UsageError(f"{out}: the name must end in .png or .svg")
    picture = to_png(drawn) if kind == ".png" else to_svg(drawn).encode()
    try:
        with open_named(out, "wb") as file:
            file.write(picture)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    typer.echo(f"{out}: print it, read it with the scanner, and the terminal says what it does")

"""`kapok data export`: what the store of a data folder holds, of whatever age (docs/runbook.md)."""

from pathlib import Path
from typing import IO, Annotated

import typer

from deploy.cli.data_option import Data, data_folder
from deploy.local import store_export
from deploy.local.account import as_caller, open_named
from deploy.local.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="A data folder whose house does not run.")
    group.command("export")(export_store)
    app.add_typer(group, name="data")


def export_store(
    output: Annotated[Path, typer.Argument(help="A new file; it holds data of people.")],
    *,
    data: Data = None,
) -> None:
    """Write all that the store holds as lines of JSON; a folder of an older kapok too."""
    folder = data_folder(data)
    try:
        with open_named(output, "xb") as target:
            number = _export(folder, output, target)
    except FileExistsError:
        raise UsageError(f"{output} is there already; name a new file") from None
    except OSError as error:
        raise UsageError(f"{output}: {error.strerror}") from error
    typer.echo(f"{number} keys of {folder} in {output}")


def _export(folder: Path, output: Path, target: IO[bytes]) -> int:
    try:
        return store_export.export(folder, target)
    except BaseException:
        with as_caller(output):
            output.unlink()  # a half is nothing to rely on
        raise

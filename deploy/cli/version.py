"""`kapok version`: which kapok this is."""

import platform
import tomllib

import typer

from deploy.local.clone import clone_folder


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(version)


def version() -> None:
    """Print the version of kapok and of the Python that runs it."""
    project = tomllib.loads((clone_folder() / "pyproject.toml").read_text(encoding="utf-8"))
    typer.echo(f"kapok {project['project']['version']} (Python {platform.python_version()})")

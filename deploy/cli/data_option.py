"""The option --data: how a command finds the data folder of a house."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.local.clone import clone_folder
from deploy.local.placement import default_data

Data = Annotated[
    Path | None, typer.Option(help="Data folder of the running house; as given to `kapok up`.")
]


def data_folder(data: Path | None) -> Path:
    """Return the data folder that a command means."""
    return default_data(clone_folder()) if data is None else data

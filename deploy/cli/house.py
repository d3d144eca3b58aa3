"""How a command finds the running house: the --data option, and a run of one coroutine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from deploy.local.doors import Doors, opened
from deploy.local.launch import clone_folder, default_data
from deploy.local.operators import acting

Data = Annotated[
    Path | None, typer.Option(help="Data folder of the running house; as given to `kapok up`.")
]
Result = TypeVar("Result")


Person = Annotated[
    str, typer.Option("--as", help="The operator who acts: person id, such as ling.")
]
MaybePerson = Annotated[
    str | None,
    typer.Option("--as", help="The operator who acts; without it, this machine's own key."),
]


def data_folder(data: Path | None) -> Path:
    """Return the data folder that a command means."""
    return default_data(clone_folder()) if data is None else data


def with_operator(
    data: Path | None, person: str | None, call: Callable[[Doors], Awaitable[Result]]
) -> Result:
    """Run a coroutine with the doors as an operator asks them; None: as this machine does."""

    async def run(doors: Doors) -> Result:
        return await call(doors if person is None else await acting(doors, person))

    return with_doors(data, run)


def with_doors(data: Path | None, call: Callable[[Doors], Awaitable[Result]]) -> Result:
    """Run a coroutine with the doors of the house on a data folder."""

    async def run() -> Result:
        async with opened(data_folder(data)) as doors:
            return await call(doors)

    return asyncio.run(run())

"""How a command finds the running house: the --data option, and a run of one coroutine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from deploy.local.doors import Doors, opened
from deploy.local.launch import clone_folder, default_data

Data = Annotated[
    Path | None, typer.Option(help="Data folder of the running house; as given to `kapok up`.")
]
Result = TypeVar("Result")


def with_doors(data: Path | None, call: Callable[[Doors], Awaitable[Result]]) -> Result:
    """Run a coroutine with the doors of the house on a data folder."""

    async def run() -> Result:
        async with opened(default_data(clone_folder()) if data is None else data) as doors:
            return await call(doors)

    return asyncio.run(run())

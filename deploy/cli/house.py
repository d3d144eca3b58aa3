"""How a command speaks to the running house: one coroutine with its doors."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from deploy.cli.data_option import data_folder
from deploy.local.doors import Doors, opened
from deploy.local.operators import acting

Result = TypeVar("Result")

Person = Annotated[
    str, typer.Option("--as", help="The operator who acts: person id, such as ling.")
]
MaybePerson = Annotated[
    str | None,
    typer.Option("--as", help="The operator who acts; without it, this machine's own key."),
]


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

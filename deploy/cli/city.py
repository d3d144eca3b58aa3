"""`kapok city make|load`: a synthetic city, to try a house at the size of one (docs/city.md)."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.city.folder import read_city
from deploy.city.loader import load_city
from deploy.city.maker import make_city
from deploy.cli.data_option import Data
from deploy.local.clone import clone_folder
from deploy.local.lists import MAX_LIST, MAX_PEOPLE, size_for
from deploy.local.placement import default_data

Stage = Callable[[str, int], None]
Done = Callable[[int], None]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    city = typer.Typer(help="A synthetic city of people who do not exist.", no_args_is_help=True)
    city.command()(make)
    city.command()(load)
    app.add_typer(city, name="city")


def make(
    *,
    people: Annotated[int, typer.Option(min=1, max=MAX_PEOPLE, help="How many.")],
    out: Annotated[Path, typer.Option(help="A new folder; 18 bytes a person.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same city.")] = 1,
    size: Annotated[
        int | None, typer.Option(min=1, max=MAX_LIST, help="Person indices of the house's list.")
    ] = None,
) -> None:
    """Make a city: references, person indices, colours, doses and tests, all drawn at random."""
    with _progress() as (stage, done):
        stage("people", people)
        chosen = size_for(people) if size is None else size
        city = make_city(out, people=people, size=chosen, seed=seed, made=done)
    typer.echo(f"{people} people on a list of {city.size}, seed {seed}: {out} (city {city.name})")


def load(
    folder: Annotated[Path, typer.Argument(help="A folder of `kapok city make`.")],
    *,
    data: Data = None,
) -> None:
    """Load a city into the running house, which must have given no index yet; goes on if cut."""
    house = default_data(clone_folder()) if data is None else Path(os.path.abspath(data))  # noqa: PTH100 - resolve() would follow links
    with _progress() as (stage, done):
        stage("reading", 1)
        city = read_city(folder)
        done(1)
        loaded = asyncio.run(load_city(house, city, stage=stage, done=done))
    typer.echo(f"{city.city.people} people of city {city.city.name} are loaded into {house}")
    typer.echo(f"planes: {', '.join(loaded.planes) or 'none is kept there'}")
    if loaded.others:
        typer.echo(f"{loaded.others} references were known before and keep their index")


@contextmanager
def _progress() -> Iterator[tuple[Stage, Done]]:
    """Yield what begins a stage and what moves it on; shown where a person looks at it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks: list[TaskID] = []

        def stage(name: str, total: int) -> None:
            for task in tasks:
                progress.stop_task(task)
            tasks.append(progress.add_task(name, total=total))

        def done(count: int) -> None:
            progress.advance(tasks[-1], count)

        yield stage, done

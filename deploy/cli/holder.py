"""`kapok holder`: plays people's phones against a running house (docs/issuing.md)."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.data_option import Data, data_folder
from deploy.cli.house import with_doors
from deploy.local.account import as_caller
from deploy.local.data import write_file
from deploy.local.doors import Doors
from deploy.local.errors import UsageError
from deploy.phones import acts
from deploy.phones.phone import Phone, path_of, read_phone
from verifier.barcode import render

DAY_HOURS: Final = 24
Name = Annotated[str, typer.Argument(help="The phone's name.")]
File = Annotated[
    Path | None, typer.Option("--phone", help="The phone's file; by default in the data folder.")
]
Reference = Annotated[
    str | None, typer.Option(help="Whose code: a reference of the register. By default: new.")
]
Png = Annotated[Path | None, typer.Option(help="Draw the code into a file too.")]
Days = Annotated[int, typer.Option(min=1, max=732, help="Days that the code lives.")]
Result = TypeVar("Result")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Play people's phones.")
    for command in (new, show, renew, lost, emergency):
        group.command()(command)
    group.command("list")(show_list)
    family = typer.Typer(no_args_is_help=True, help="Codes that a phone carries for others.")
    family.callback()(_family)
    family.command("add")(family_add)
    group.add_typer(family, name="family")
    app.add_typer(group, name="holder")


def _family() -> None:
    """Carry the codes of children and elders."""


def new(
    name: Name,
    *,
    reference: Reference = None,
    same_as: Annotated[
        str | None, typer.Option(help="A second phone of the person who has this one.")
    ] = None,
    colour: Annotated[str, typer.Option(help="Of a new person.")] = "green",
    days: Days = 30,
    phone: File = None,
    data: Data = None,
) -> None:
    """Get a code on a new phone."""
    request: dict[str, Any] = {"hours": days * DAY_HOURS, "sectors": acts.ALL_SECTORS}
    if same_as is not None:
        request["person"] = read_phone(path_of(data_folder(data), same_as, None)).own.person
    else:
        request["colour"] = colour
    path = path_of(data_folder(data), name, phone)
    made = _run(data, lambda doors: acts.new_phone(doors, path, request, reference=reference))
    typer.echo(f"{name}: person {made.own.person}, credential {made.own.credential}, {path}")


def show(
    name: Name,
    *,
    of: Annotated[str | None, typer.Option(help="Somebody whom the phone carries.")] = None,
    audience: Annotated[
        str | None, typer.Option("--for", help="For one place only, such as place:hall-1.")
    ] = None,
    png: Png = None,
    phone: File = None,
    data: Data = None,
) -> None:
    """Show the code as it is now: its text, and its picture on the screen."""
    card = _read(data, name, phone).card(of)
    _draw(card.show(audience=audience), png)


def renew(
    name: Name,
    *,
    new_key: Annotated[bool, typer.Option("--new-key", help="As on a new phone.")] = False,
    phone: File = None,
    data: Data = None,
) -> None:
    """Renew the code, late in its life; with --new-key at once, and the old one ends."""
    folder = data_folder(data)
    path = path_of(folder, name, phone)
    renewed = _run(data, lambda doors: acts.renew(doors, path, new_key=new_key))
    cards = {name: renewed.own, **renewed.family}
    for each, card in cards.items():
        typer.echo(f"{each}: credential {card.credential}, until {_when(card.expires)}")


def lost(
    name: Name,
    *,
    by: Annotated[
        str | None, typer.Option(help="Another phone of the person; by default at a counter.")
    ] = None,
    phone: File = None,
    data: Data = None,
) -> None:
    """Report a phone lost: its code ends, with all that it carries; the person's others live."""
    gone = _read(data, name, phone)
    reporter = None if by is None else _read(data, by, None)
    revoked = _run(data, lambda doors: acts.report_lost(doors, gone, reporter))
    typer.echo(f"{name} is lost; revoked: {', '.join(map(str, revoked))}")


def emergency(
    name: Name,
    *,
    hours: Annotated[int, typer.Option(min=1, max=12, help="Hours that it lives.")] = 6,
    of: Annotated[str | None, typer.Option(help="Somebody whom the phone carries.")] = None,
    png: Png = None,
    phone: File = None,
    data: Data = None,
) -> None:
    """Get a code of a few hours that needs no phone: to print, for a battery that ends."""
    card = _read(data, name, phone).card(of)
    answer = _run(data, lambda doors: acts.emergency(doors, card, hours=hours))
    typer.echo(f"until {_when(int(answer['expires']))}")
    _draw(str(answer["text"]), png)


def show_list(name: Name, *, phone: File = None, data: Data = None) -> None:
    """List what the person holds, and whose codes the phone carries."""
    held = _read(data, name, phone)
    answer = _run(data, lambda doors: acts.list_held(doors, held))
    table = Table(box=None, pad_edge=False)
    for column in ("credential", "form", "until", ""):
        table.add_column(column)
    for row in answer["credentials"]:
        this = "this phone" if row["credential_index"] == held.own.credential else ""
        table.add_row(
            str(row["credential_index"]),
            row["form"],
            _when(row["expires"]),
            "revoked" if row["revoked"] else this,
        )
    names = {card.credential: each for each, card in held.family.items()}
    for row in answer.get("family", []):
        index = row["credential_index"]
        table.add_row(str(index), "carried", "", names.get(index, f"person {row['person']}"))
    Console().print(table)


def family_add(
    name: Name,
    child: Annotated[str, typer.Argument(help="Whose code the phone shall carry.")],
    *,
    reference: Reference = None,
    days: Days = 30,
    phone: File = None,
    data: Data = None,
) -> None:
    """Have a child's or elder's code bound to a phone: eight at the most."""
    folder = data_folder(data)
    request = {"hours": days * DAY_HOURS, "sectors": acts.ALL_SECTORS}
    path = path_of(folder, name, phone)
    made = _run(
        data, lambda doors: acts.add_family(doors, path, child, request, reference=reference)
    )
    card = made.family[child]
    typer.echo(f"{name} carries {child}: person {card.person}, credential {card.credential}")


def _read(data: Path | None, name: str, phone: Path | None) -> Phone:
    return read_phone(path_of(data_folder(data), name, phone))


def _run(data: Path | None, call: Callable[[Doors], Awaitable[Result]]) -> Result:
    return with_doors(data_folder(data), call)


def _draw(text: str, png: Path | None) -> None:
    drawn = render.symbol(text)
    typer.echo(text)
    typer.echo(render.to_screen(drawn), nl=False)
    if png is not None:
        try:
            with as_caller(png):
                write_file(png, render.to_png(drawn))
        except OSError as error:
            raise UsageError(f"cannot write {png}: {error.strerror}") from error
        typer.echo(f"drawn: {png}")


def _when(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))

"""`kapok trust import|show|sign|rotate|clock`: who is trusted, edited and looked at."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console

from deploy.cli import trust_tables as tables
from deploy.cli.data_option import Data, data_folder
from deploy.inspection.options import moment
from deploy.local.data import write_file
from deploy.local.errors import EXIT_FAILED, UsageError
from deploy.trust import store
from deploy.trust.cards import read_lists, write_lists
from deploy.trust.imports import Terms, planned, read_pins
from deploy.trust.lists import read_files
from deploy.trust.overview import trusted_here
from deploy.trust.roots import sign_root
from deploy.trust.rotation import Role, Rotation, next_step
from verifier.contract.errors import MalformedError
from verifier.issuing.sources import next_clock_step

UNTIL_DAYS: Final = 365
"""Days an imported key without a window is trusted: a yearly import keeps it."""
_DAY: Final = 86_400


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Who is trusted (docs/trust.md).")
    group.command("import")(import_keys)
    group.command()(show)
    group.command()(sign)
    group.command()(rotate)
    group.command()(clock)
    app.add_typer(group, name="trust")


def import_keys(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Lists of signers, key sets, certificates, revocation lists of cards; folders."
        ),
    ],
    *,
    pin: Annotated[
        list[str] | None,
        typer.Option(help="SHA-256 of a certificate; with any, others are refused. Repeatable."),
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(help="Whose keys they are (https://…), where they do not say it.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End of keys that have no window; without it, in a year.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Keys of the same formats not in the list go.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Do it; without it, only show.")] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Write also when some entries are refused.")
    ] = False,
    data: Data = None,
) -> None:
    """Import signers and what they revoked; shows the difference, and writes it with --write."""
    folder = data_folder(data)
    files = read_files(tuple(paths))
    terms = Terms(
        pins=_pins(pin or ()),
        issuer=issuer,
        until=(int(time.time()) // _DAY + UNTIL_DAYS) * _DAY if until is None else _end(until),
        replace=replace,
    )
    console = _console()
    with store.editing(folder):
        try:
            plan = planned(store.read_source(folder), read_lists(folder), files, terms)
        except MalformedError as error:
            raise UsageError(str(error)) from error
        blocked = bool(plan.refused) and not skip_refused
        written = write and not plan.empty and not blocked
        if written and plan.cards.renewed:
            write_lists(folder, plan.cards)
        if written and not plan.change.empty:
            store.write_source(folder, plan.change.source)
    tables.print_import(console, plan, time.time())
    if written:
        console.print(f"written: {folder}")
        _tell(console, folder, reread=True, restart=None)
    elif plan.empty:
        console.print("nothing to change")
    elif blocked and write:
        console.print("nothing is written; --skip-refused writes the others")
    else:
        console.print("nothing is written yet; --write does it")
    if plan.refused:
        raise typer.Exit(EXIT_FAILED)


def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: Data = None,
) -> None:
    """Show root, trust source and the trust bundle in force; what ends soon is marked."""
    found = asyncio.run(trusted_here(data_folder(data), time.time()))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found.document()) + b"\n")
    else:
        tables.print_trusted(_console(), found)


def sign(
    description: Annotated[
        Path,
        typer.Argument(help="What the root shall say (TOML, JSON), or a root file half-signed."),
    ],
    *,
    key: Annotated[list[Path], typer.Option(help="A root key's file. Repeatable.")],
    out: Annotated[Path, typer.Option(help="Where the root file goes.")],
    previous: Annotated[
        Path | None, typer.Option(help="The root file before it; none: this is the first.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write also when signatures are still missing.")
    ] = False,
) -> None:
    """Sign a root document with key files, offline, and say what changes against the previous."""
    if out.exists():
        raise UsageError(f"{out} exists; choose another name")
    made = sign_root(description, key, previous, int(time.time()))
    console = _console()
    tables.print_root(console, made)
    if not made.signatures.complete and not partial:
        console.print("not written: signatures are missing; --partial writes it for the next one")
        raise typer.Exit(EXIT_FAILED)
    try:
        write_file(out, made.content)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    console.print(f"written: {out}")


def rotate(
    role: Annotated[Role, typer.Argument(help="Which key.")],
    *,
    switch: Annotated[bool, typer.Option("--switch", help="Sign with the new key.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Drop the old key.")] = False,
    root_key: Annotated[
        list[Path] | None,
        typer.Option(help="Root keys' files, for root and bundle; without it, the house's own."),
    ] = None,
    data: Data = None,
) -> None:
    """Put a new key beside an old one; then --switch to it; then --finish drops the old one."""
    if switch and finish:
        raise UsageError("one step at a time: --switch or --finish")
    folder = data_folder(data)
    keys = tuple(store.read_key(path) for path in root_key or ())
    rotation = Rotation(data=folder, role=role, root_keys=keys, now=int(time.time()))
    with store.editing(folder):
        done = rotation.finish() if finish else rotation.switch() if switch else rotation.begin()
    console = _console()
    for line in done.lines:
        console.print(line)
    _tell(console, folder, reread=done.reread, restart=done.restart)
    console.print(next_step(role, begun=not switch and not finish, switched=switch))


def clock(
    *,
    write: Annotated[bool, typer.Option("--write", help="Do it; without it, only show.")] = False,
    data: Data = None,
) -> None:
    """Lower the floor of time of every terminal to now, once: for floors that are ahead."""
    folder, console, now = data_folder(data), _console(), int(time.time())
    with store.editing(folder):
        source = store.read_source(folder)
        try:
            step = next_clock_step(source.clock, now)
        except MalformedError as error:
            raise UsageError(str(error)) from error
        if write:
            store.write_source(folder, msgspec.structs.replace(source, clock=step))
    until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(step.floor))
    console.print(f"clock step {step.epoch}: no terminal's floor of time stays above {until}")
    if not write:
        console.print("nothing is written yet; check this machine's clock, then --write does it")
        return
    console.print(f"written: {folder}")
    _tell(console, folder, reread=True, restart=None)


def _end(text: str) -> int:
    return int(moment(text, "--until"))


def _pins(texts: Sequence[str]) -> frozenset[bytes]:
    try:
        return read_pins(texts)
    except MalformedError as error:
        raise UsageError(str(error)) from error


def _console() -> Console:
    return Console(markup=False, highlight=False, soft_wrap=True)


def _tell(console: Console, folder: Path, *, reread: bool, restart: str | None) -> None:
    """Have the processes of a house that runs here take what is new; else say what must happen."""
    if restart is not None:
        # It is ended, and `kapok up` starts it again; so it reads everything anew.
        pid = store.tell(folder, restart, signal.SIGTERM)
        if pid is None:
            console.print(f"no house runs here: start the {restart} process again where it runs")
        else:
            console.print(f"{restart} (process {pid}) was ended; `kapok up` starts it again now")
    if reread and restart != store.ISSUING:
        pid = store.tell(folder, store.ISSUING, signal.SIGHUP)
        if pid is None:
            console.print("no house runs here: the issuing process reads this at its next start")
        else:
            console.print(f"the issuing process ({pid}) was told to read it again (SIGHUP)")

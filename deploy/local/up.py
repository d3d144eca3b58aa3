"""The supervisor: starts the house, shows it, stops it. Runs as the children's account.

`python -m deploy.local.up PLAN` (JSON, made by `launch`). Ends with 0 after Ctrl-C or SIGTERM, with
the code of the error otherwise; either way every child has ended before it does.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final, TextIO, cast

import aiohttp
import msgspec
from rich.console import Console

from deploy.local import configuration, pidfile
from deploy.local.child import Child, ChildState, ChildStatus
from deploy.local.children import Children
from deploy.local.composition import HOUSE, HouseComposition
from deploy.local.confinement import gaps
from deploy.local.data import write_file
from deploy.local.disk_errors import understood, unusable
from deploy.local.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, LocalError
from deploy.local.house import API_KEY, House, UpPlan, endpoints, write_endpoints
from deploy.local.house_state import HouseState
from deploy.local.lists import list_sizes
from deploy.local.open_folder import opened
from deploy.local.renewal import CertificateRenewal
from deploy.local.screen import UpScreen
from deploy.local.snapshot import Snapshot
from deploy.local.view import View, open_view
from deploy.local.watch import Watch
from deploy.words.chinese import said
from deploy.words.language import own_language
from deploy.words.phrase import Phrase

REFRESH_S: Final = 0.5
"""Between two looks at the doors: a decision shows at once to a person's eye."""
TAIL_SHOWN: Final = 8
"""Lines of a failed child's log that are printed."""


async def run(plan: UpPlan, wiring: HouseComposition, console: Console) -> None:
    """Run the house until it is asked to stop.

    Raises:
        LocalError: the data folder cannot be used, or a child did not become ready.
    """
    data = Path(plan.data)
    with opened(data, wiring.first_start, wiring.every_start, tell=partial(_tell, console)) as new:
        found = Phrase("new" if new else "found again")
        _tell(console, Phrase("data folder {data} ({found})", data=data, found=found))
        for process in pidfile.reap_leftovers(data / "run" / "children.json"):
            _tell(
                console,
                Phrase(
                    "ended a leftover of an earlier start: {name} {pid}",
                    name=process.name,
                    pid=process.pid,
                ),
            )
        for gap in gaps():
            _tell(console, gap)
        list_sizes(data, plan.people)
        house = _house(plan, _sockets_folder(data))
        if house.keeper is not None:
            folder = house.keeper.folder
            _tell(console, Phrase("configuration {folder} (root's)", folder=folder))
        elif plan.of_root:
            _tell(console, Phrase("root cannot write below /run: configuration is the account's"))
        try:
            with understood(data, "settings"):
                configuration.begin(house)
                for step in wiring.before_children:
                    step(house)
            await _run_children(house, wiring, console)
        finally:
            configuration.end(house)
            shutil.rmtree(house.sockets, ignore_errors=True)


async def _run_children(house: House, wiring: HouseComposition, console: Console) -> None:
    stop = asyncio.Event()
    children = Children(
        logs=house.data / "log",
        pids=house.run / "children.json",
        changed=lambda status: _print_status(console, status),
    )
    _on_signals(stop, children)
    try:
        with understood(house.data, "children"):
            table = wiring.children(house)
        starting = asyncio.create_task(children.start(table))
        await _first(starting, stop)
        if not stop.is_set():
            write_endpoints(house)
            for line in addresses(house):
                _tell(console, line)
            _tell(console, Phrase("ready; Ctrl-C stops everything"))
            async with _renewing(house, table, children, console):
                await _show(house, children, console, stop)
    except LocalError:
        for status in children.status():
            if status.state is ChildState.STOPPED:
                _print_tail(console, status.name, children.tail(status.name))
        raise
    finally:
        _tell(console, Phrase("stopping"))
        await children.stop()
        _tell(console, Phrase("stopped"))


@contextlib.asynccontextmanager
async def _renewing(
    house: House, table: tuple[Child, ...], children: Children, console: Console
) -> AsyncIterator[None]:
    """Renew certificates as long as this is open."""
    renewal = CertificateRenewal(
        house, table, tell=lambda line: _tell_beside(console, line), send=children.signal
    )
    task = asyncio.create_task(renewal.run(), name="renew certificates")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _first(starting: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Wait until the start is done or a stop is asked for; raise what the start raised."""
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
    finally:
        asked.cancel()
        starting.cancel()


async def _show(house: House, children: Children, console: Console, stop: asyncio.Event) -> None:
    view = open_view(console, addresses(house), own_language())
    try:
        async with aiohttp.ClientSession() as session:
            where = endpoints(house)
            watch = Watch(session, where, house.api_key(API_KEY), HouseState(house.data, where))
            watch.speak(own_language())
            while not stop.is_set():
                await _look(watch, view, children, stop)
    finally:
        view.close()


async def _look(watch: Watch, view: View, children: Children, stop: asyncio.Event) -> None:
    snapshot = asyncio.ensure_future(watch.snapshot(children.status()))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({snapshot, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if snapshot.done():
        found: Snapshot = snapshot.result()
        view.show(found)
        await asyncio.wait({stopped}, timeout=REFRESH_S)
    for task in (snapshot, stopped):
        task.cancel()


def addresses(house: House) -> tuple[Phrase, ...]:
    """Return the lines that say where this house answers."""
    found = endpoints(house)
    return (
        Phrase(
            "verifier {verifier}   issuing {issuing}   fleet {fleet}",
            verifier=found.verifier_url,
            issuing=found.issuing_url,
            fleet=found.fleet_url,
        ),
        Phrase(
            "terminals: scans {scans}   MQTT {host}:{port}",
            scans=found.verifier_tls_url,
            host=found.mqtt_host,
            port=found.mqtt_port,
        ),
        Phrase("data {data}", data=house.data),
    )


def _house(plan: UpPlan, sockets: Path) -> House:
    return House(
        data=Path(plan.data),
        code=Path(plan.code),
        sockets=sockets,
        ports=plan.ports,
        python=Path(plan.python),
        pythonpath=plan.pythonpath,
        own_ports=plan.own_ports,
        terminals_host=plan.terminals_host,
        keeper=plan.keeper,
    )


def _sockets_folder(data: Path) -> Path:
    """Make a short folder for unix sockets; remove that of a start that was killed."""
    note = data / "run" / "sockets"
    if note.exists():
        old = Path(note.read_text(encoding="utf-8").strip())
        if old.name.startswith("kapok-") and old.is_dir() and old.stat().st_uid == os.geteuid():
            shutil.rmtree(old, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="kapok-", dir="/tmp"))
    write_file(note, f"{made}\n".encode())
    return made


def _on_signals(stop: asyncio.Event, children: Children) -> None:
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            children.kill()  # the second time it is meant
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup the house stays
        loop.add_signal_handler(signal.SIGHUP, asked)


def _tell(console: Console, phrase: str) -> None:
    """Print a line in the caller's language; a console breaks it where it likes."""
    console.print(said(phrase, own_language()), soft_wrap=True)


def _tell_beside(console: Console, phrase: str) -> None:
    """Print a line while the house is shown; where panels are, `kapok status` says it."""
    if not console.is_alt_screen:
        _tell(console, phrase)


def _print_status(console: Console, status: ChildStatus) -> None:
    if console.is_alt_screen:
        return  # the panels say it
    state = Phrase(status.state.value)
    line = Phrase("{name} {state}", name=status.name, state=state)
    if status.pid:
        line = Phrase(
            "{name} (process {pid}) {state}", name=status.name, pid=status.pid, state=state
        )
    if status.problem:
        line = Phrase("{line}: {problem}", line=line, problem=status.problem)
    _tell(console, line)


def _print_tail(console: Console, name: str, lines: tuple[str, ...]) -> None:
    for line in lines[-TAIL_SHOWN:]:
        console.print(f"  {name}: {line}", markup=False, highlight=False, soft_wrap=True)


def main(arguments: list[str], wiring: HouseComposition = HOUSE) -> int:
    """Run `up` as its own process; return the exit code."""
    try:
        plan = msgspec.json.decode(arguments[0], type=UpPlan)
    except (IndexError, msgspec.DecodeError) as error:
        _complain(f"up is started by `kapok up`, not by hand ({error})")
        return EXIT_USAGE
    os.umask(0o077)  # also what Redis and the broker write is the account's alone
    screen = UpScreen(sys.stdout)
    console = Console(file=cast("TextIO", screen), highlight=False, markup=False)
    try:
        asyncio.run(run(plan, wiring, console))
    except LocalError as error:
        screen.close()
        _complain(str(error))
        return error.exit_code
    except OSError as error:
        screen.close()
        _complain(unusable(Path(plan.data), error))
        return EXIT_FAILED
    except KeyboardInterrupt:  # before there was anything to stop
        return EXIT_INTERRUPTED
    finally:
        screen.close()
    return 0


def _complain(sentence: str) -> None:
    """Say the one clear line by which `up` ends; nobody may be there to read it."""
    with contextlib.suppress(OSError):
        print(f"kapok: {sentence}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m verifier.service worker|issuing|feeds|archive --settings FILE`."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import uvloop

from runtime.logs import open_log
from runtime.open_files import raise_open_files
from runtime.settings import SettingsError, read_settings
from runtime.store import NotDurableError

Run = Callable[[asyncio.Event], Awaitable[None]]
"""Runs one process until the event is set."""
WRONG_SETTINGS: Final = 2
"""Exit status: a setting, or what it names, does not hold."""


def main() -> int:
    """Run one process; returns its exit status."""
    parser = argparse.ArgumentParser(prog="verifier.service")
    parser.add_argument("role", choices=tuple(ROLES))
    parser.add_argument("--settings", type=Path, required=True)
    arguments = parser.parse_args()
    raise_open_files()
    try:
        uvloop.run(_serve(ROLES[arguments.role](arguments.settings)))
    except (SettingsError, NotDurableError) as error:
        sys.stderr.write(f"verifier.service {arguments.role}: {error}\n")
        return WRONG_SETTINGS
    return 0


def _worker(path: Path) -> Run:
    from verifier.service.worker.run import run_worker  # noqa: PLC0415
    from verifier.service.worker.settings import WorkerSettings  # noqa: PLC0415

    settings = read_settings(path, WorkerSettings)
    return lambda stop: run_worker(settings, open_log(settings.name), stop)


def _issuing(path: Path) -> Run:
    from verifier.service.issuing.run import run_issuing  # noqa: PLC0415
    from verifier.service.issuing.settings import IssuingSettings  # noqa: PLC0415

    settings = read_settings(path, IssuingSettings)
    return lambda stop: run_issuing(settings, open_log(settings.name), stop)


def _feeds(path: Path) -> Run:
    from verifier.service.feeds.run import run_feeds  # noqa: PLC0415
    from verifier.service.feeds.settings import FeedsSettings  # noqa: PLC0415

    settings = read_settings(path, FeedsSettings)
    return lambda stop: run_feeds(settings, open_log(settings.name), stop)


def _archive(path: Path) -> Run:
    from verifier.service.archive.run import run_archive  # noqa: PLC0415
    from verifier.service.archive.settings import ArchiveSettings  # noqa: PLC0415

    settings = read_settings(path, ArchiveSettings)
    return lambda stop: run_archive(settings, open_log(settings.name), stop)


ROLES: Final[Mapping[str, Callable[[Path], Run]]] = {
    "worker": _worker,
    "issuing": _issuing,
    "feeds": _feeds,
    "archive": _archive,
}
"""Role -> what reads its settings and runs it. Each imports its own role only: another's packages
cost every process memory and time, and one of them is an extra."""


async def _serve(run: Run) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await run(stop)


if __name__ == "__main__":
    sys.exit(main())

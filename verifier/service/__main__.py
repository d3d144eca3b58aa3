"""`python -m verifier.service worker|issuing|feeds|archive --settings FILE`."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import uvloop

from runtime.logs import open_log
from runtime.settings import SettingsError, read_settings
from runtime.store import NotDurableError
from verifier.service.feeds.run import run_feeds
from verifier.service.feeds.settings import FeedsSettings
from verifier.service.issuing.run import run_issuing
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.worker.run import run_worker
from verifier.service.worker.settings import WorkerSettings

WRONG_SETTINGS: Final = 2
"""Exit status: a setting, or what it names, does not hold."""


def main() -> int:
    """Run one process; returns its exit status."""
    parser = argparse.ArgumentParser(prog="verifier.service")
    parser.add_argument("role", choices=("worker", "issuing", "feeds", "archive"))
    parser.add_argument("--settings", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        uvloop.run(_serve(_role(arguments.role, arguments.settings)))
    except (SettingsError, NotDurableError) as error:
        sys.stderr.write(f"verifier.service {arguments.role}: {error}\n")
        return WRONG_SETTINGS
    return 0


def _role(role: str, path: Path) -> Callable[[asyncio.Event], Awaitable[None]]:
    if role == "issuing":
        issuing = read_settings(path, IssuingSettings)
        return lambda stop: run_issuing(issuing, open_log(issuing.name), stop)
    if role == "feeds":
        feeds = read_settings(path, FeedsSettings)
        return lambda stop: run_feeds(feeds, open_log(feeds.name), stop)
    if role == "archive":
        # Only where it is wanted: it brings an extra package that no other process needs.
        from verifier.service.archive.run import run_archive  # noqa: PLC0415
        from verifier.service.archive.settings import ArchiveSettings  # noqa: PLC0415

        archive = read_settings(path, ArchiveSettings)
        return lambda stop: run_archive(archive, open_log(archive.name), stop)
    settings = read_settings(path, WorkerSettings)
    return lambda stop: run_worker(settings, open_log(settings.name), stop)


async def _serve(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await run(stop)


if __name__ == "__main__":
    sys.exit(main())

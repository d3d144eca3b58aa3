"""Which processes of a house run, since when, and what their logs say last.

Reads <data>/run/children.json, which `kapok up` keeps, and the tails of <data>/log.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local import pidfile
from deploy.local.logfile import MAX_LINE_CHARS

TAIL_BYTES: Final = 65_536
"""Bytes of a log that are looked at for its last error."""
RELATED_S: Final = 60.0
"""Seconds before the end of a log in which a warning may be the cause of what is wrong now."""
_LEVELS: Final = frozenset({"warning", "error", "critical", "exception"})
_SIGNS: Final = (
    *("error", "fatal", "traceback", "can't ", " # "),
    *("verifier.service ", "fleet.service ", "firmware_stubs.edge "),
)
"""How programs that log no JSON begin to say that something is wrong."""
_QUIET: Final = ("unexpected eof while reading", "disconnected: protocol error", "leaked ")
"""What sounds so and is not: somebody only asked whether a port is open; a library's farewell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProcess:
    """A process that runs."""

    pid: int
    seconds: float
    """Since it was started."""
    restarted: bool
    """Whether `kapok up` started it again."""


def alive(data: Path, name: str) -> RunningProcess | None:
    """Return the running process of a child; None: it does not run."""
    found = pidfile.find(data / "run" / "children.json", name)
    if found is None or not found.runs:
        return None
    seconds = time.clock_gettime(time.CLOCK_BOOTTIME) - found.ticks / os.sysconf("SC_CLK_TCK")
    return RunningProcess(
        pid=found.pid,
        seconds=max(0.0, seconds),
        restarted=found.restarts > 0,
    )


def supervisor(data: Path) -> int | None:
    """Return the process id of the `kapok up` that holds a data folder; None: there is none."""
    try:
        text = (data / "lock").read_text(encoding="ascii", errors="replace").strip()
        pid = int(text)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"deploy.local.up" in command else None


def last_error(path: Path) -> str | None:
    """Return the last line of a log that says something is wrong, fit for a screen.

    What was said long before the log's end is not why it ended, or fell silent.
    """
    lines = _tail(path)
    end = next((at for line in reversed(lines) if (at := _said_at(line)) is not None), None)
    for line in reversed(lines):
        said = _wrong(line)
        if said is not None:
            at = _said_at(line)
            if at is not None and end is not None and end - at > RELATED_S:
                return None
            return "".join(c if c.isprintable() else " " for c in said)[:MAX_LINE_CHARS]
    return None


def last_errors(data: Path) -> Mapping[str, str]:
    """Return the last error of each log of a data folder that has one, the newest log first."""
    paths = sorted((data / "log").glob("*.log"), key=lambda p: p.stat().st_mtime, reverse=True)
    found = ((path.name, last_error(path)) for path in paths)
    return {name: said for name, said in found if said is not None}


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def _said_at(line: str) -> float | None:
    """Return when a line was written, Unix seconds; None: it does not say."""
    try:
        stamp = msgspec.json.decode(line, type=dict[str, Any]).get("timestamp")
        return None if stamp is None else datetime.fromisoformat(str(stamp)).timestamp()
    except (msgspec.DecodeError, ValueError):
        return None


def _wrong(line: str) -> str | None:
    try:
        entry = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        low = line.lower()
        loud = any(sign in low for sign in _SIGNS) and not any(sign in low for sign in _QUIET)
        return line.strip() if loud else None
    if entry.get("level") not in _LEVELS:
        return None
    left = {"event", "level", "timestamp", "process"}
    more = ", ".join(f"{key} {value}" for key, value in entry.items() if key not in left)
    return f"{entry.get('timestamp', '')} {entry.get('event', '')}: {more}".strip()

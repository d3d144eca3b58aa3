"""Steering terminals: the table of the fleet, the network switch, commands with their results."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.account import open_named
from deploy.local.doors import Answer, Doors
from deploy.local.errors import LocalError, UsageError
from deploy.words.phrase import Phrase
from fleet.contract.commands import FINAL_STATES, CommandState, CommandType

POLL_S: Final = 0.1
"""Between two looks at a command's state."""
COLUMNS: Final = tuple(
    Phrase(name)
    for name in ("terminal", "gate", "grant", "presence", "seen", "outbox", "incidents")
)
MAX_PICTURE_BYTES: Final = 16 * 2**20
"""Bytes of a picture; as the terminals' lens takes."""


async def fleet_rows(doors: Doors) -> list[tuple[str, ...]]:
    """Return a row for each terminal, as COLUMNS says."""
    now, rows, after = time.time(), [], ""
    while True:
        page = await doors.fleet(f"/v1/terminals?after={after}")
        rows += [fleet_row(terminal, now) for terminal in page["terminals"]]
        if page["next"] is None:
            return rows
        after = page["next"]


def fleet_row(terminal: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Return the row of a terminal, as COLUMNS says."""
    seen, beat = terminal["last_seen"], terminal["beat"] or {}
    kinds = sorted({str(incident["kind"]) for incident in terminal["incidents"]})
    return (
        str(terminal["terminal"]),
        Phrase(
            "{place}/{gate} {direction}",
            place=terminal["place"],
            gate=terminal["gate"],
            direction=Phrase(str(terminal["direction"])),
        ),
        Phrase(str(terminal["state"])),
        Phrase(str(terminal["presence"])),
        Phrase("never seen")
        if seen is None
        else Phrase("{number:.0f} s", number=max(0.0, now - seen / 1000)),
        str(beat.get("outbox", "-")),
        ", ".join(kinds) or "-",
    )


async def switch_network(doors: Doors, name: str, *, cut: bool) -> Answer:
    """Cut a terminal off from the network, or join it again."""
    return await doors.terminal(name, "/network", msgspec.json.encode({"cut": cut}))


async def give_command(
    doors: Doors, terminal: str, kind: CommandType, *, wait_s: float
) -> Mapping[str, Any]:
    """Give a command and wait for its final word.

    Raises:
        LocalError: no final word within `wait_s` seconds; the command goes on by itself.
    """
    command = await doors.command(terminal, kind.value, secrets.token_hex(16))
    deadline = time.monotonic() + wait_s
    while CommandState(command["state"]) not in FINAL_STATES:
        if time.monotonic() > deadline:
            raise LocalError(
                f"command {command['id']} is still {command['state']}; it goes on by itself"
            )
        await asyncio.sleep(POLL_S)
        command = await doors.fleet(f"/v1/commands/{command['id']}")
    return command


async def scan_picture(doors: Doors, terminal: str, picture: Path) -> Answer:
    """Hold a picture before a terminal's lens."""
    try:
        with open_named(picture) as file:
            data = file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {picture}: {error.strerror}") from error
    return await doors.terminal(terminal, "/frame", data)

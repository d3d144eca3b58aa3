"""The terminal's own door, on its unix socket, without a terminal behind it."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from firmware_stubs.edge.door import LocalDoor
from firmware_stubs.edge.shell import Shell
from runtime.logs import Log


async def no_switch(_cut: bool) -> None:  # noqa: FBT001 - as the door calls it
    """Switch nothing."""


async def no_state() -> dict[str, Any]:
    """Know nothing."""
    return {}


@pytest.mark.parametrize("target", ["/state", "http://terminal/state", "/nothing"])
def test_no_answer_names_the_library(tmp_path: Path, target: str) -> None:
    """It says kapok, as every door of the house."""

    async def asked() -> bytes:
        door = LocalDoor(
            cast("Shell", None), log=cast("Log", None), switch=no_switch, state=no_state
        )
        await door.open(tmp_path / "door")
        try:
            reader, writer = await asyncio.open_unix_connection(tmp_path / "door")
            head = f"GET {target} HTTP/1.1\r\nHost: terminal\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            answer = await reader.read()
            writer.close()
            return answer
        finally:
            await door.close()

    answer = asyncio.run(asked())
    assert b"\r\nServer: kapok\r\n" in answer
    assert b"aiohttp" not in answer

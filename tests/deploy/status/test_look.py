"""What is wrong is said once: `kapok up` shows what `kapok status` finds."""

import asyncio
import os
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from deploy.local import house_state
from deploy.local.account import acting_as_owner
from deploy.local.errors import LocalError, UsageError
from deploy.local.house_state import HouseState
from deploy.status import look as looking
from deploy.status.answers import Answers, Heard

KNOWN = {"status-1-health": 7, "status-1-health.age": 3}


def said(code: str) -> dict[str, Any]:
    """Return what a process says of something that is wrong."""
    return {"code": code, "detail": f"it is {code}"}


def house() -> Answers:
    """Return what the doors of a house in trouble say."""
    good = HTTPStatus.OK
    beat = {"outbox": 0, "clock": "unsure", "counters": {"outbox.refused": 3}}
    terminal = {
        "terminal": "hall-1", "state": "active", "presence": "offline", "last_seen": 1,
        "beat": beat, "reported": None, "incidents": [{"kind": "clock.unsure"}],
    }  # fmt: skip
    warned = {"known": KNOWN, "problems": [], "warnings": [said("grants.none")]}
    return Answers(
        processes={
            "redis": Heard(why="no answer"),
            "issuing": Heard(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                body={"problems": [said("trust.refused")], "warnings": [said("budget.spent")]},
            ),
            "worker-0": Heard(status=good, body=warned),
            "worker-1": Heard(status=good, body=warned),
            "feeds": Heard(status=good, body={"warnings": [said("source.stale")]}),
            "archive": Heard(status=good, body={"problems": [said("archive.late")]}),
        },
        sources=Heard(status=good),
        terminals=Heard(status=good, body={"terminals": [terminal]}),
        heads=Heard(status=good),
        store=Heard(why="no answer"),
    )


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Return what `up` and what `status` say is wrong, of the same answers."""
    for folder in ("keys", "log", "run", "audit"):
        (tmp_path / folder).mkdir()

    async def answers(*_: Any) -> Answers:
        return house()

    async def trusted(*_: Any) -> LocalError:
        return LocalError("nobody handed out the trust bundle")

    for module in (house_state, looking):
        monkeypatch.setattr(module, "ask_all", answers)
    monkeypatch.setattr(looking, "_trusted", trusted)
    monkeypatch.setattr(looking, "read_endpoints", lambda _: object())
    monkeypatch.setattr("deploy.status.processes.alive", lambda *_: None)
    state = HouseState(tmp_path, object())  # type: ignore[arg-type]
    asyncio.run(state.look())
    report = asyncio.run(looking.look(tmp_path))
    shown = [f"{row.who}: {row.sentence}" for row in state.problems]
    return shown, [f"{row.subject}: {row.said}" for row in report.wrong]


def test_up_and_status_find_the_same(both: tuple[list[str], list[str]]) -> None:
    """As many rows, in the same order, and what to do behind each."""
    shown, found = both
    assert len(found) > 8
    assert len(shown) == len(found)
    for up, status in zip(shown, found, strict=True):
        assert up.startswith(status)


def test_what_several_processes_say_is_one_row(both: tuple[list[str], list[str]]) -> None:
    """With all who say it."""
    _, found = both
    unread = [line for line in found if "grants.none" in line]
    assert len(unread) == 1
    assert unread[0].startswith("worker-0, worker-1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_is_told_how_to_give_a_restored_folder_back() -> None:
    """Status acts as the folder's owner, who may not read what root restored."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        data = Path(folder)
        (data / "run").mkdir(mode=0o700)
        os.chown(data, 4_000_001, 4_000_001)
        told = f"chown -R 4000001: {data}"
        with pytest.raises(UsageError, match=told), acting_as_owner(data):
            asyncio.run(looking.look(data))

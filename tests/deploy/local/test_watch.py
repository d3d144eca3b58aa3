"""What `kapok up` sees of a house, when answers are large or come in pieces."""

import asyncio
from pathlib import Path
from typing import Any, Final

import aiohttp

from deploy.local.child import HttpReady
from deploy.local.house import Endpoints
from deploy.local.house_state import HouseState
from deploy.local.ready import probe
from deploy.local.snapshot import Snapshot
from deploy.local.watch import Watch
from tests.support.piecemeal import piecemeal_door

TERMINALS: Final = [{"terminal": f"hall-{n:04}", "presence": "online"} for n in range(900)]
RECORDS: Final = {"records": [], "cursor": ""}


class StandingHouse(HouseState):
    """What changes slowly is not asked here."""

    async def look(self) -> None:
        """Ask nothing."""


def seen(folder: Path, answers: dict[str, Any]) -> Snapshot:
    """Return what is seen at a door that answers in pieces."""

    async def look() -> Snapshot:
        async with piecemeal_door(answers) as url, aiohttp.ClientSession() as session:
            where = Endpoints(
                redis_socket="",
                mqtt_host="",
                mqtt_port=0,
                mqtt_service_port=0,
                verifier_url=url,
                verifier_tls_url="",
                issuing_url="",
                fleet_url=url,
                api_keys={},
                terminals={},
            )
            return await Watch(session, where, "key", StandingHouse(folder, where)).snapshot(())

    return asyncio.run(look())


def test_a_list_in_pieces_is_read_whole(tmp_path: Path) -> None:
    """Hundreds of terminals are some hundred kilobytes."""
    page = {"terminals": TERMINALS[:500], "next": None}
    answers = {"/v1/terminals": page, "/v1/terminals?after=": page}
    found = seen(tmp_path, answers | {"/v1/records?limit=200": RECORDS})
    assert [row.sentence.key for row in found.problems] == []
    assert len(found.terminals) == 500


def test_every_page_of_a_list_is_read(tmp_path: Path) -> None:
    """A page has 500 terminals."""
    first = {"terminals": TERMINALS[:500], "next": "hall-0499"}
    rest = {"terminals": TERMINALS[500:], "next": None}
    answers = {
        "/v1/terminals": first,
        "/v1/terminals?after=": first,
        "/v1/terminals?after=hall-0499": rest,
    }
    found = seen(tmp_path, answers | {"/v1/records?limit=200": RECORDS})
    assert len(found.terminals) == len(TERMINALS)


def test_a_process_that_is_not_ready_says_all_of_why() -> None:
    """Its reasons come in pieces too."""
    reasons = [{"code": f"thing.{n}", "detail": f"reason {n}" * 20} for n in range(9)]

    async def asked() -> str | None:
        said = {"/readyz": {"ready": False, "problems": reasons, "warnings": [], "known": {}}}
        async with piecemeal_door(said, status=503) as url:
            return await probe(HttpReady(url=f"{url}/readyz"))

    sentence = asyncio.run(asked())
    assert sentence is not None
    assert "reason 0" in sentence

"""How `kapok up` looks at its house: a body in pieces is one body, and pages are one list."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from deploy.local.watch import Watch
from fleet.service.news import News
from fleet.service.settings import VerifierSettings
from tests.support.data_folder import endpoints

TERMINALS = 1200
PAGE = 500
PIECE_BYTES = 7_001
"""Of a body that is sent at a time, as a loaded machine or a real network does."""
PAUSE_S = 0.005
NEWS_S = 5.0


class Standing:
    """How the house stands, which is nothing to say here."""

    facts = ()
    problems = ()

    async def look(self) -> None:
        """Look at nothing."""


@asynccontextmanager
async def door(answers: Any) -> AsyncIterator[str]:
    """Serve what `answers` says for a request, in pieces; yields the address."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        body = msgspec.json.encode(answers(request))
        response.content_length = len(body)
        await response.prepare(request)
        for begin in range(0, len(body), PIECE_BYTES):
            await response.write(body[begin : begin + PIECE_BYTES])
            await asyncio.sleep(PAUSE_S)
        return response

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def fleet(request: web.Request) -> dict[str, Any]:
    """Answer a page of terminals, as the fleet does."""
    names = [f"gate-{number:05d}" for number in range(TERMINALS)]
    left = [name for name in names if name > request.query.get("after", "")]
    page = left[:PAGE]
    rows = [{"terminal": name, "presence": "online", "more": "x" * 300} for name in page]
    return {"terminals": rows, "next": page[-1] if len(left) > PAGE else None}


def test_all_terminals_are_seen(tmp_path: Path) -> None:
    """Twelve hundred, whose list comes in three pages of many pieces."""
    key = tmp_path / "key"
    key.write_text("kapok_local-admin_x\n")

    async def scene() -> tuple[int, list[str]]:
        async with door(fleet) as url, aiohttp.ClientSession() as session:
            standing: Any = Standing()
            watch = Watch(session, endpoints(fleet_url=url), key, standing)
            found = await watch.snapshot(())
            online = sum(row.presence == "online" for row in found.terminals)
            return online, [row.who for row in found.problems]

    online, wrong = asyncio.run(scene())
    assert online == TERMINALS
    assert "fleet" not in wrong


def test_news_in_pieces_are_told(tmp_path: Path) -> None:
    """The fleet tells terminals what is newest, however the verifier's answer comes."""
    key = tmp_path / "key"
    key.write_text("kapok_fleet_x\n")
    told: list[bytes] = []
    heard = asyncio.Event()

    def announce(payload: bytes) -> bool:
        told.append(payload)
        heard.set()
        return True

    def verifier(_: web.Request) -> dict[str, Any]:
        names = ("groups", "profiles", "trust")
        rows = [{"name": name, "version": 1, "digest": 64 * "0"} for name in names]
        return {"unread": 3 * PIECE_BYTES * "x", "bundles": rows}

    async def scene() -> None:
        async with door(verifier) as url:
            news = News(VerifierSettings(url=url, api_key_file=str(key)), announce)
            running = asyncio.ensure_future(news.run())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NEWS_S):
                    await heard.wait()
            running.cancel()

    asyncio.run(scene())
    assert len(told) == 1
    assert b"profiles" in told[0]

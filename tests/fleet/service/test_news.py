"""News of bundles: what the verifier lists is read whole."""

import asyncio
from pathlib import Path
from typing import Final

from fleet.service.news import News
from fleet.service.settings import VerifierSettings
from tests.support.piecemeal import piecemeal_door

BUNDLES: Final = [
    {"name": f"profiles-{n}", "version": n + 1, "digest": "ab" * 32} for n in range(9)
]


def test_a_list_in_pieces_is_announced(tmp_path: Path) -> None:
    """All of its bundles, in one message."""
    key = tmp_path / "key"
    key.write_text("kapok_fleet_" + "k" * 43)
    told: list[bytes] = []

    async def follow() -> None:
        heard = asyncio.Event()

        def announce(payload: bytes) -> bool:
            told.append(payload)
            heard.set()
            return True

        async with piecemeal_door({"/v1/bundles": {"bundles": BUNDLES}}) as url:
            news = News(VerifierSettings(url=url, api_key_file=str(key)), announce)
            running = asyncio.ensure_future(news.run())
            await asyncio.wait((running, asyncio.ensure_future(heard.wait())), timeout=2)
            running.cancel()

    asyncio.run(follow())
    assert len(told) == 1

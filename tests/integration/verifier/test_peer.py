"""What http.peer is measured against does the work of a scan: else the ratio would say nothing."""

import asyncio
from typing import Any

import aiohttp

from tests.bench.peer import running_peer
from tests.support.issued import new_scan_id, shown
from tests.support.keys import ISSUER, STRANGER
from tests.support.redis_server import redis_server
from verifier.issuing.signing_key import SigningKey

HOUR = 3_600


def answers(texts: list[str], issuer: SigningKey) -> tuple[list[tuple[int, Any]], list[bytes]]:
    """Return status and decision of each text in turn, and the keys then in Redis."""

    async def scanned(port: int) -> list[tuple[int, Any]]:
        found = []
        async with aiohttp.ClientSession() as session:
            for text in texts:
                body = {"scan_id": new_scan_id(), "text": text}
                async with session.post(f"http://127.0.0.1:{port}/v1/scans", json=body) as response:
                    found.append((response.status, (await response.json())["decision"]))
        return found

    async def run() -> list[tuple[int, Any]]:
        async with running_peer(store, issuer, 1) as peer:
            return await scanned(peer.port)

    with redis_server() as store:
        found = asyncio.run(run())
        with store.client() as client:
            assert client.config_get("append*")["appendfsync"] == "always"
            return found, client.keys("p:use:*")


def test_the_peer_passes_a_person_once() -> None:
    """By one key in Redis; the next person passes too."""
    found, keys = answers([shown(1), shown(1), shown(2)], ISSUER)
    assert found == [(200, "pass"), (200, "deny"), (200, "pass")]
    assert len(keys) == 2


def test_the_peer_verifies() -> None:
    """Altered, stale and foreign codes are refused, and nothing is claimed."""
    text = shown(1)
    altered = [text[:-30] + ("0" if text[-30] != "0" else "1") + text[-29:], "CC1:", text[4:]]
    found, keys = answers([*altered, shown(1, ago=HOUR)], ISSUER)
    assert found == [(422, "deny")] * 4
    assert not keys
    assert answers([text], STRANGER) == ([(422, "deny")], [])

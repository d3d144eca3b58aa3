"""The doors of a house, for commands: what it says is harmless before any of them prints it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest

from deploy.local.doors import Doors
from deploy.local.house import Endpoints

SAID = {"proposals": [{"text": "red \u202eneerg", "who\x1b[2J": "\x9b2J", "at": 7}]}


class Handler(BaseHTTPRequestHandler):
    """Answers a proposal that somebody wrote before doors refused such texts."""

    body: ClassVar[bytes] = json.dumps(SAID).encode()

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Run the house's issuing process, as far as it is asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_a_house_says_is_spelled_out(tmp_path: Path, address: str) -> None:
    """A text that would turn a line around, or clear the screen, stands there in digits."""
    endpoints = Endpoints(
        redis_socket="",
        mqtt_host="",
        mqtt_port=0,
        mqtt_service_port=0,
        verifier_url="",
        verifier_tls_url="",
        issuing_url=address,
        fleet_url="",
        api_keys={},
        terminals={},
    )

    async def ask() -> dict[str, Any]:
        async with aiohttp.ClientSession() as session:
            return await Doors(tmp_path, endpoints, "key", session).issuing("/v1/proposals")

    assert asyncio.run(ask()) == {
        "proposals": [{"text": "red \\u202eneerg", "who\\u001b[2J": "\\u009b2J", "at": 7}]
    }

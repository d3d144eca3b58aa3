"""What the process refuses to start with, and what it tells terminals about bundles."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support.fleet_process import ROOT, FleetHouse, fleet_house
from tests.support.mqtt_terminal import TestTerminal
from tests.support.redis_server import redis_server

BUNDLE = {"name": "trust", "version": 3, "digest": "ab" * 32}


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Prepare a house; nothing of the fleet is started."""
    with fleet_house(("hall-1",), start=False) as running:
        yield running


def refuse(path: Path) -> tuple[int, list[str]]:
    """Start the fleet with settings that do not hold; returns status and lines on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "fleet.service", "--settings", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grant_key", "/nowhere.pem"),
        ("grant_key", None),
        ("registry", "/nowhere.toml"),
        ("operators", "/nowhere.toml"),
        ("operator_key", "/nowhere.pem"),
        ("audit", None),
        ("shards", ["g"]),
        ("surprise", 1),
        ("http", {"host": "127.0.0.1", "port": 0}),
        ("api_keys", [{"name": "a", "sha256": "short", "scopes": []}]),
        ("api_keys", [{"name": "a", "sha256": "0" * 64, "scopes": ["propose"]}]),
        ("mqtt", {"host": "h", "port": 1, "ca": "/n", "certificate": "/n", "key": "/n"}),
        ("redis", {"socket": "/n", "user": "fleet", "password_file": "/nowhere"}),
        ("verifier", {"url": "http://127.0.0.1:1", "api_key_file": "/nowhere"}),
    ],
)
def test_wrong_settings_are_one_line(house: FleetHouse, field: str, value: object) -> None:
    """Each wrong field ends the process with status 2 and one line that names it."""
    settings = json.loads(house.fleet.settings.read_text())
    if value is None:
        del settings[field]
    else:
        settings[field] = value
    path = house.folder / "wrong.json"
    path.write_text(json.dumps(settings))
    status, lines = refuse(path)
    assert status == 2
    assert len(lines) == 1
    assert field in lines[0]


def test_a_store_that_forgets_is_refused(house: FleetHouse) -> None:
    """Without an append-only file the process does not start."""
    settings = json.loads(house.fleet.settings.read_text())
    with redis_server(append_only=False) as forgetful:
        settings["redis"]["socket"] = str(forgetful.socket)
        settings["redis"]["password_file"] = str(forgetful.password_file("fleet"))
        path = house.folder / "forgetful.json"
        path.write_text(json.dumps(settings))
        status, lines = refuse(path)
    assert (status, len(lines)) == (3, 1)


class Bundles(http.server.BaseHTTPRequestHandler):
    """The verifier's list of bundles, as a simulated far side."""

    answer: ClassVar[dict[str, Any]] = {"bundles": [BUNDLE]}

    def do_GET(self) -> None:
        """Answer the list to the right key."""
        right = self.path == "/v1/bundles" and self.headers["Authorization"] == "Bearer the-key"
        body = json.dumps(self.answer).encode()
        self.send_response(200 if right else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_newest_bundles_are_announced(house: FleetHouse) -> None:
    """Terminals hear which bundle versions are newest; the verifier may come later."""
    each = TestTerminal("hall-1", house.broker, house.terminals["hall-1"])
    each.connect()
    with http.server.HTTPServer(("127.0.0.1", 0), Bundles) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        (house.folder / "key").write_text("the-key\n")
        settings = {
            "url": f"http://127.0.0.1:{server.server_port}",
            "api_key_file": str(house.folder / "key"),
        }
        process = house.add_process("announcing", verifier=settings)
        process.start()
        each.wait("the news", lambda: bool(each.news))
        server.shutdown()
        thread.join()
    news = each.news[0]
    assert [(bundle.name, bundle.version) for bundle in news.bundles] == [("trust", 3)]
    assert news.spread_s == 30
    assert process.is_ready()
    assert process.stop() == 0
    each.close()

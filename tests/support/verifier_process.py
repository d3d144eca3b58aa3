"""Processes of the verifier for tests: start, kill, stop, ask."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.ports import free_ports

__all__ = [
    "ADMIN_KEY",
    "API_KEY",
    "BOOKING_KEY",
    "READY_S",
    "ROOT",
    "Answer",
    "Process",
    "ask",
    "eventually",
    "free_ports",
]

ROOT: Final = Path(__file__).resolve().parents[2]
READY_S: Final = 30.0
"""Seconds until a started process must be ready; generous, machines are shared."""
POLL_S: Final = 0.01
API_KEY: Final = "kapok_test_" + "k" * 43
ADMIN_KEY: Final = "kapok_admin_" + "a" * 43
BOOKING_KEY: Final = "kapok_booking_" + "b" * 43


def eventually(what: str, probe: Callable[[], Any], *, within: float = 20.0) -> Any:
    """Return the first truthy answer of `probe()`; fails naming `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen in {within} s: {what}")
        time.sleep(POLL_S)


@dataclass(slots=True)
class Answer:
    """An HTTP answer, its JSON read."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Process:
    """One process of the verifier: start, kill, stop, ask."""

    role: str
    settings: Path
    port: int
    """The port that readiness is asked at: this process's own."""
    log: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "verifier.service"),
                    *(self.role, "--settings", str(self.settings)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            )
        if ready:
            self.await_ready()

    def await_ready(self) -> None:
        """Wait until /readyz says so."""

        def ready() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(self.log.read_text()[-3000:])
            return self.readiness().status == 200

        eventually(f"{self.role} is ready", ready, within=READY_S)

    def readiness(self) -> Answer:
        """Ask /readyz; status 0 while nobody listens."""
        try:
            return ask(self.port, "GET", "/readyz", key=None)
        except OSError:
            return Answer(0, None, {})

    def wait(self, seconds: float = 20.0) -> int:
        """Wait until it has ended by itself; returns its exit status."""
        assert self._process is not None
        status = self._process.wait(seconds)
        self._process = None
        return status

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def stop(self) -> int:
        """End it in order; returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()


def ask(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = API_KEY,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Make one request; problems are answers too."""
    given = dict(headers or {})
    if key is not None:
        given["Authorization"] = f"Bearer {key}"
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given.setdefault("Content-Type", "application/json")
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, data=data, method=method, headers=given)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return _answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.read(), dict(error.headers))


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    found: Any = body
    if "json" in headers.get("Content-Type", ""):
        found = json.loads(body) if body else None
    return Answer(status, found, headers)

"""Scanners under load: they send codes as terminals do, and never give up on a scan_id.

Every answer is kept; what was outstanding at a moment can be counted. A code is sent by two
scanners under two scan_ids, so that double use has its chance. An answer that was not recorded is
asked for again: a terminal would keep it and upload it. Threads and http.client, one connection
each: nothing here shares code with what is tested.
"""

import asyncio
import http.client
import os
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from deploy.demo.people import get_paper
from deploy.local.doors import opened
from verifier.contract.scan import make_scan_id

RETRY_S: Final = 0.05
GIVE_UP_S: Final = 90.0
TERMINAL: Final = "hall-1"
_HEADERS: Final = {"Content-Type": "application/json"}


class Line:
    """One keep-alive connection to the terminals' door."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=5, context=context
        )

    def post(self, body: bytes) -> dict[str, Any] | None:
        """Send one scan; None when there was no answer, or the house was too busy."""
        try:
            self._connection.request("POST", "/v1/scans", body, _HEADERS)
            response = self._connection.getresponse()
            text = response.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            return None
        if response.status == 200:
            answer: dict[str, Any] = msgspec.json.decode(text)
            return answer
        assert response.status == 503, text
        return None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass(slots=True)
class Scanners:
    """Answers so far, and what is outstanding."""

    url: str
    context: ssl.SSLContext
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    outstanding: set[str] = field(default_factory=set)
    retries: int = 0
    stopped: bool = False

    def scan(self, line: Line, text: str, scan_id: str) -> None:
        """Send one scan until it is answered and recorded."""
        body = msgspec.json.encode({"scan_id": scan_id, "text": text})
        self.texts[scan_id] = text
        self.outstanding.add(scan_id)
        deadline = time.monotonic() + GIVE_UP_S
        while not self.stopped:
            answer = line.post(body)
            if answer is not None and answer["recorded"]:
                self.answers[scan_id] = answer
                self.outstanding.discard(scan_id)
                return
            assert time.monotonic() < deadline, "a scan was never answered"
            self.retries += 1
            time.sleep(RETRY_S)

    def begin(self, texts: list[str], connections: int) -> list[threading.Thread]:
        """Send every code twice, over a number of connections; returns the running threads."""
        waiting = [text for text in texts for _ in range(2)]

        def one() -> None:
            line = Line(self.url, self.context)
            while waiting and not self.stopped:
                self.scan(line, waiting.pop(0), new_scan_id())
            line.close()

        threads = [threading.Thread(target=one, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        return threads

    def again(self, text: str, scan_id: str) -> dict[str, Any]:
        """Send one scan again under its scan_id."""
        line = Line(self.url, self.context)
        self.scan(line, text, scan_id)
        line.close()
        return self.answers[scan_id]

    def reasons(self) -> Counter[str]:
        """Count what was answered."""
        return Counter(
            f"{answer['decision']} {answer.get('reason', '')}" for answer in self.answers.values()
        )

    def passes(self) -> Counter[str]:
        """Count the passes of each code."""
        return Counter(
            self.texts[i] for i, answer in self.answers.items() if answer["decision"] == "pass"
        )


def new_scan_id() -> str:
    """Make a scan_id of the terminal whose certificate the scanners use."""
    return make_scan_id(TERMINAL, milliseconds=int(time.time() * 1000), random=os.urandom(6))


def scanners(data: Path, url: str) -> Scanners:
    """Return scanners that call as the hall's terminal."""
    folder = data / "terminals" / TERMINAL
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    return Scanners(url=url, context=context)


def papers(data: Path, count: int) -> list[str]:
    """Have paper codes issued to new people."""

    async def issue() -> list[str]:
        async with opened(data) as doors:
            return list(await asyncio.gather(*(get_paper(doors) for _ in range(count))))

    return asyncio.run(issue())

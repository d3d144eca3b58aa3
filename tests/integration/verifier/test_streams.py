"""GET /v1/scans/stream: a real WebSocket at both doors; order, bounds, and how a stream ends."""

import asyncio
import contextlib
import http.client
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import aiohttp
import pytest

from fleet import identity
from tests.support.centre import (
    ADMIN_KEY,
    API_KEY,
    Centre,
    centre,
    eventually,
    free_ports,
    new_scan_id,
    shown,
)
from tests.support.verifier_tls import tls_files
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

persons = count(60_000)
LIFE_S = 8
"""Seconds that the certificate of a test has left."""
Socket = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def stream(
    port: int, *, key: str | None = API_KEY, context: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[Socket]:
    """Open a stream."""
    headers = {"Authorization": f"Bearer {key}"} if context is None else {}
    url = f"{'http' if context is None else 'https'}://127.0.0.1:{port}/v1/scans/stream"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers, ssl=context or True, **given) as opened,
    ):
        yield opened


def line(text: str | None = None, terminal: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a scan line."""
    scan_id = new_scan_id() if terminal is None else new_scan_id(terminal)
    return {"scan_id": scan_id, "text": text or shown(next(persons))} | changes


async def ask(opened: Socket, *lines: Any) -> list[dict[str, Any]]:
    """Send lines without waiting between them; returns as many answers."""
    for one in lines:
        await opened.send_str(one if isinstance(one, str) else json.dumps(one))
    return [json.loads((await opened.receive(20)).data) for _ in lines]


def test_answers_come_in_the_order_of_lines(house: Centre) -> None:
    """Good ones and bad ones; each as POST /v1/scans would answer it."""

    async def run() -> None:
        async with stream(house.port) as opened:
            one = line()
            lines = [one, "{", line(one["text"]), line(scan_id=new_scan_id("t-2")), line(x=1), one]
            answers = await ask(opened, *lines)
            assert answers[0]["decision"] == Outcome.PASS
            assert answers[1]["code"] == "body.json"
            assert answers[2]["reason"] == Reason.USE_REPLAYED
            assert (answers[3]["status"], answers[3]["code"]) == (409, "scan.conflict")
            assert (answers[4]["code"], answers[4]["field"]) == ("body.field", "$")
            assert answers[5] == answers[0]
            ids = [each["scan_id"] for each in lines if isinstance(each, dict)]
            assert [a["scan_id"] for a in answers if "scan_id" in a] == ids
            assert house.ask("POST", "/v1/scans", one).body == answers[0]
            clash = await ask(opened, one | {"text": shown(next(persons))})
            assert (clash[0]["code"], clash[0]["scan_id"]) == ("scan.conflict", one["scan_id"])

    asyncio.run(run())


def test_a_thousand_lines_without_waiting(house: Centre) -> None:
    """More than may be in work at once: the rest waits, and nothing is lost or shed."""

    async def run() -> None:
        async with stream(house.port) as opened:
            lines = [line() for _ in range(1000)]

            async def send() -> None:
                for one in lines:
                    await opened.send_str(json.dumps(one))

            sending = asyncio.create_task(send())
            answers = [json.loads((await opened.receive(20)).data) for _ in lines]
            await sending
            assert [a["scan_id"] for a in answers] == [each["scan_id"] for each in lines]
            assert {a["decision"] for a in answers} == {Outcome.PASS}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"key": "kapok_test_wrong"}, 401, "key.unknown"),
        ({"key": ADMIN_KEY}, 403, "scope.missing"),
        ({"headers": {"Upgrade": "", "Connection": ""}}, 426, "upgrade.missing"),
        ({"headers": {"Upgrade": "websocket", "Connection": "Upgrade"}}, 426, "upgrade.missing"),
    ],
)
def test_who_may_not_stream_gets_a_problem(
    house: Centre, given: dict[str, Any], status: int, code: str
) -> None:
    """Instead of the upgrade; so does who does not ask for one, or has no key for it."""
    refused = house.ask("GET", "/v1/scans/stream", **given)
    expected = (426, "upgrade.missing") if status == 426 else (status, code)
    assert (refused.status, refused.body["code"]) == expected


def test_frames_that_are_no_lines_end_the_stream(house: Centre) -> None:
    """Binary ones, and those longer than a request may be."""

    async def closed_by(frame: bytes | str) -> int | None:
        async with stream(house.port) as opened:
            if isinstance(frame, bytes):
                await opened.send_bytes(frame)
            else:
                await opened.send_str(frame)
            message = await opened.receive(20)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            return opened.close_code

    assert asyncio.run(closed_by(b"{}")) == aiohttp.WSCloseCode.UNSUPPORTED_DATA
    assert asyncio.run(closed_by("x" * 70_000)) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


def test_pings_are_answered(house: Centre) -> None:
    """Between lines."""

    async def run() -> None:
        async with stream(house.port, autoping=False) as opened:
            await opened.ping(b"there?")
            message = await opened.receive(20)
            assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"there?")
            assert (await ask(opened, line()))[0]["decision"] == Outcome.PASS

    asyncio.run(run())


def test_a_grant_that_ends_ends_an_idle_stream(house: Centre) -> None:
    """And no new one is opened until a newer grant comes."""

    async def run(state: str) -> None:
        async with stream(house.port) as opened:
            assert (await ask(opened, line()))[0]["decision"] == Outcome.PASS
            house.grant(state=state)
            message = await opened.receive(20)
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert (message.data, message.extra) == (1008, f"grant.{state}")

    for state in ("suspended", "revoked"):
        asyncio.run(run(state))
        house.grant()
        eventually("the new grant", lambda: house.scan(shown(next(persons))).status == 200)


def test_terminals_stream_by_certificate() -> None:
    """A stopping worker says so to open streams, and the metric counts them."""

    async def run(house: Centre, port: int, context: ssl.SSLContext) -> None:
        async with stream(port, context=context) as opened:
            answers = await ask(opened, *(line(terminal="t-90") for _ in range(50)))
            assert {a["decision"] for a in answers} == {Outcome.PASS}
            text = house.ask("GET", "/metrics", key=None).body.decode()
            assert 'verifier_streams{worker="worker-0"} 1.0' in text
            started = time.monotonic()
            stopping = asyncio.create_task(asyncio.to_thread(house.processes[0].stop))
            message = await opened.receive(20)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
            await opened.close()
            assert await stopping == 0
            assert time.monotonic() - started < 8

    with centre() as house, tls_files() as files:
        (port,) = free_ports(1)
        house.tls = files.settings(port)
        context, fingerprint = files.terminal("t-90")
        house.grant("t-90", fingerprint=fingerprint)
        house.worker()
        asyncio.run(run(house, port, context))


def test_a_stream_ends_with_the_certificate() -> None:
    """A terminal's stream that lives on is cut within seconds of notAfter."""

    async def ended(port: int, context: ssl.SSLContext) -> bool:
        async with stream(port, context=context) as opened:
            answers = await ask(opened, line(terminal="t-91"))
            assert answers[0]["decision"] == Outcome.PASS
            try:
                message = await opened.receive(LIFE_S + 5)
            except TimeoutError:
                return False
            return message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

    with centre() as house, tls_files() as files:
        (port,) = free_ports(1)
        house.tls = files.settings(port)
        house.worker()
        # Made a day ago, so that it ends in some seconds.
        life = identity.BACKDATE + timedelta(seconds=LIFE_S)
        made = datetime.now(UTC) - timedelta(days=1) + life
        context, fingerprint = files.terminal("t-91", now=made, days=1)
        house.grant("t-91", fingerprint=fingerprint)

        def granted() -> bool:
            line = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
            with contextlib.closing(line):
                line.request("GET", "/v1/bundles")
                return line.getresponse().status == 200

        eventually("the grant is followed", granted)
        assert asyncio.run(ended(port, context))

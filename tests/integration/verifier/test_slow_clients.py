"""Clients that send half a request or never read: cut off, and nobody waits for them meanwhile.

Each waits for a limit of the service, so all wait at the same time.
"""

import base64
import json
import os
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final

import pytest

from tests.support.centre import API_KEY, Centre, eventually, new_scan_id, shown

AUTHORIZATION: Final = f"Authorization: Bearer {API_KEY}\r\n".encode()
HALF_A_HEAD: Final = b"POST /v1/sc"
HALF_A_BODY: Final = (
    b"POST /v1/scans HTTP/1.1\r\nHost: x\r\n"
    + AUTHORIZATION
    + b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
)

persons = count(90_000)


def half_a_request_is_cut_off(house: Centre, sent: bytes) -> None:
    """After ten seconds; others are served meanwhile."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=25) as client:
        client.sendall(sent)
        started = time.monotonic()
        assert house.scan(shown(next(persons))).status == 200
        received = client.recv(4096)
        assert b" 408 " in received or not received
        assert 8 < time.monotonic() - started < 20


def a_stream_that_is_never_read_is_cut_off(house: Centre) -> None:
    """After ten seconds; it holds nobody up meanwhile."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", house.port))
        key = base64.b64encode(os.urandom(16))
        client.sendall(
            b"GET /v1/scans/stream HTTP/1.1\r\nHost: x\r\n"
            + AUTHORIZATION
            + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + b"Sec-WebSocket-Key: %b\r\n\r\n" % key
        )
        scan = {"scan_id": new_scan_id(), "text": shown(next(persons))}
        started = time.monotonic()
        with pytest.raises(ConnectionError):
            press(client, frame(json.dumps(scan).encode()) * 100, house)
        assert 5 < time.monotonic() - started < 40
    eventually(
        "it is forgotten",
        lambda: (
            'verifier_streams{worker="worker-0"} 0.0'
            in house.ask("GET", "/metrics", key=None).body.decode()
        ),
    )


def frame(data: bytes) -> bytes:
    """Write a masked text frame."""
    mask = os.urandom(4)
    head = struct.pack(">BBH", 0x81, 0x80 | 126, len(data)) + mask
    return head + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


def press(client: socket.socket, data: bytes, house: Centre) -> None:
    """Send until the other side hangs up; whoever else scans meanwhile is served."""
    deadline = time.monotonic() + 60
    client.settimeout(0.5)
    while time.monotonic() < deadline:
        try:
            client.sendall(data)
        except TimeoutError:
            assert house.scan(shown(next(persons))).status == 200


def test_whoever_is_slow_is_cut_off_and_holds_nobody_up(house: Centre) -> None:
    """Half a head, half a body, and a stream whose answers nobody reads."""
    with ThreadPoolExecutor(3) as pool:
        waiting = [
            pool.submit(half_a_request_is_cut_off, house, HALF_A_HEAD),
            pool.submit(half_a_request_is_cut_off, house, HALF_A_BODY),
            pool.submit(a_stream_that_is_never_read_is_cut_off, house),
        ]
    for one in waiting:
        one.result()

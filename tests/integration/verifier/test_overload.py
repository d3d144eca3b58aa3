"""Past capacity the worker sheds: 503 with Retry-After, and who is let in is answered quickly."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Final

from tests.support.centre import API_KEY, Centre, centre, new_scan_id, paper

CROWD: Final = 1500
"""Connections that ask at once; a worker has 256 scans in hand at most."""
ROUNDS: Final = 4
QUICK_S: Final = 2.0
"""Seconds; ten times what 256 scans take. Unshed, the crowd would wait for its sum."""


@dataclass(slots=True)
class Crowd:
    """What became of the requests."""

    admitted: list[float] = field(default_factory=list)
    """Seconds of each that was answered."""
    shed: list[bytes] = field(default_factory=list)
    """Heads of the refusals."""


async def one(port: int, texts: list[str], crowd: Crowd, start: asyncio.Event) -> None:
    """Scan several codes, one after the other, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await start.wait()
    for text in texts:
        body = json.dumps({"scan_id": new_scan_id(), "text": text}).encode()
        head = (
            f"POST /v1/scans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        at = time.monotonic()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        if answer.startswith(b"HTTP/1.1 200 "):
            crowd.admitted.append(time.monotonic() - at)
        else:
            crowd.shed.append(answer)
    writer.close()
    await writer.wait_closed()


async def press(house: Centre) -> Crowd:
    """Have the whole crowd ask at once."""
    crowd, start = Crowd(), asyncio.Event()
    texts = [[paper(n * ROUNDS + r) for r in range(ROUNDS)] for n in range(CROWD)]
    tasks = [asyncio.create_task(one(house.port, some, crowd, start)) for some in texts]
    await asyncio.sleep(0)
    start.set()
    await asyncio.gather(*tasks)
    return crowd


def test_a_crowd_is_shed_and_the_admitted_are_quick() -> None:
    """And afterwards everything is as before."""
    with centre() as house:
        house.worker()
        crowd = asyncio.run(press(house))
        admitted = sorted(crowd.admitted)
        slowest = admitted[int(len(admitted) * 0.99)]
        print(f"admitted {len(admitted)}, shed {len(crowd.shed)}, p99 {slowest:.3f} s")  # noqa: T201
        assert crowd.shed
        assert len(admitted) + len(crowd.shed) == CROWD * ROUNDS
        assert all(answer.startswith(b"HTTP/1.1 429 ") for answer in crowd.shed)
        assert all(b"\r\nRetry-After: 1\r\n" in answer for answer in crowd.shed)
        assert slowest < QUICK_S
        assert house.scan(paper(60_000)).status == 200
        metrics = house.ask("GET", "/metrics", key=None).body.decode()
        assert f'verifier_shed_total{{worker="worker-0"}} {len(crowd.shed)}.0' in metrics

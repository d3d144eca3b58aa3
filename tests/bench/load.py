"""The load generator: a process of its own that sends prepared bodies over keep-alive connections.

`python -m tests.bench.load` reads one JSON job from standard input and writes one JSON result. It
is lean on purpose (a bare asyncio protocol), since it shares the machine with what it measures; it
stops by itself after the bodies are sent, or at its deadline.
"""

import asyncio
import ssl
import sys
import time
from collections.abc import Iterator
from typing import Final

import msgspec
import uvloop

CONNECTIONS: Final = 64
DEADLINE_S: Final = 120.0
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal's identity and the CA of the door."""

    ca: str
    certificate: str
    key: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to send where."""

    host: str
    port: int
    path: str
    headers: dict[str, str]
    bodies: list[str]
    connections: int = CONNECTIONS
    tls: TlsFiles | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; times in seconds."""

    seconds: float
    statuses: dict[int, int]
    p50: float
    p99: float
    sample: str
    """The last body received."""


class _Run:
    """The state that all connections share."""

    def __init__(self, job: Job) -> None:
        head = [f"POST {job.path} HTTP/1.1", f"Host: {job.host}"]
        head += [f"{name}: {value}" for name, value in job.headers.items()]
        fixed = "\r\n".join(head).encode()
        self.requests: Iterator[bytes] = iter(
            [
                b"%s\r\nContent-Length: %d\r\n\r\n%s" % (fixed, len(body), body)
                for body in (text.encode() for text in job.bodies)
            ]
        )
        self.left = len(job.bodies)
        self.statuses: dict[int, int] = {}
        self.spent: list[float] = []
        self.sample = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, status: int, seconds: float, body: bytes) -> None:
        """Count one answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.spent.append(seconds)
        self.sample = body
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the answer is in."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.buffer = b""
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        """Send the next request, if there is one."""
        request = next(self.run.requests, None)
        if request is not None:
            self.started = time.perf_counter()
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer = buffer = self.buffer + data if self.buffer else data
        end = buffer.find(_END)
        if end < 0:
            return
        at = buffer.lower().find(_LENGTH, 0, end)
        length = int(buffer[at + len(_LENGTH) : buffer.find(b"\r", at)])
        if len(buffer) < end + 4 + length:
            return
        self.buffer = b""
        spent = time.perf_counter() - self.started
        self.run.answered(int(buffer[9:12]), spent, buffer[end + 4 :])
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.run.done.done():
            self.run.done.set_exception(ConnectionError(f"the door hung up: {exc}"))


def _context(files: TlsFiles | None) -> ssl.SSLContext | None:
    if files is None:
        return None
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.certificate, files.key)
    return context


async def _load(job: Job) -> Result:
    run, context = _Run(job), _context(job.tls)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(min(job.connections, len(job.bodies))):
            await loop.create_connection(lambda: _Connection(run), job.host, job.port, ssl=context)
        await run.done
    seconds = time.perf_counter() - started
    spent = sorted(run.spent)
    return Result(
        seconds=seconds,
        statuses=run.statuses,
        p50=spent[len(spent) // 2],
        p99=spent[len(spent) * 99 // 100],
        sample=run.sample.decode(),
    )


async def apart(job: Job) -> Result:
    """Run a job in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(msgspec.json.encode(job))
    return msgspec.json.decode(out, type=Result)


def main() -> None:
    """Run the job that standard input describes."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    result = uvloop.run(_load(job))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()

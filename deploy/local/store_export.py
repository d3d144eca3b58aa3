"""Export of what the store of a data folder holds, of any schema: one line of JSON a key.

It needs no process of the house, and reads no folder but the store's. A redis-server of its own
loads a copy of the store's files, so nothing in the data folder changes.

A line is {"key", "type", "value"} and, where the key ends, {"expires_ms"}: Unix time. A text stands
as it is; bytes that are no printable ASCII stand as {"base64": "..."}. A hash is a list of [field,
value], a stream a list of [id, [[field, value], ...]], a zset a list of [member, score].
"""

import base64
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.account import acting_as_owner
from deploy.local.data import LOCK_FILE, SCHEMA_FILE
from deploy.local.errors import LocalError, UsageError
from deploy.local.redis import quoted

LOAD_S: Final = 600.0
"""Seconds that the copy may take to load: a city's store takes one minute."""
_POLL_S: Final = 0.05
_KEYS_A_TURN: Final = 1000
_TAIL_BYTES: Final = 1000

_Line = dict[str, Any]


def export(data: Path, output: IO[bytes]) -> int:
    """Write every key of the store as a line; return how many there are.

    Raises:
        UsageError: it is no data folder, cannot be read, or the house on it runs.
        LocalError: the store's files do not load.
    """
    try:
        if not (data / SCHEMA_FILE).exists():
            raise UsageError(f"{data} is no data folder: it has no {SCHEMA_FILE}")
        with _at_rest(data), acting_as_owner(data), _loaded(data / "redis") as store:
            written = (output.write(msgspec.json.encode(line) + b"\n") for line in _lines(store))
            return sum(1 for _ in written)
    except OSError as error:
        raise UsageError(f"{error.filename or data}: {error.strerror}") from error


@contextmanager
def _at_rest(data: Path) -> Iterator[None]:
    """Hold the folder's lock as a reader; `kapok up` cannot begin meanwhile."""
    try:
        lock = (data / LOCK_FILE).open("rb")
    except FileNotFoundError:
        yield  # a copy without it: nobody runs on it
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"data folder {data}: stop the house on it first") from None
        yield


@contextmanager
def _loaded(files: Path) -> Iterator[redis.Redis]:
    """Run a redis-server on a copy of the store's files."""
    folder = Path(tempfile.mkdtemp(prefix="kapok-x-"))
    try:
        shutil.copytree(files, folder / "store")
        socket, log = folder / "s", folder / "log"
        (folder / "conf").write_text(_configuration(socket, folder / "store"))
        with log.open("wb") as said:
            server = subprocess.Popen(
                ["redis-server", str(folder / "conf")],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                preexec_fn=_as_effective(),  # noqa: PLW1509 - no threads here
            )
        try:
            once = Retry(NoBackoff(), 0)
            with redis.Redis(unix_socket_path=str(socket), retry=once) as store:
                _wait(store, server, log)
                yield store
        finally:
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_effective() -> Callable[[], None]:
    """Return what makes a child run as the user that we act as, also where we are root."""
    user, group = os.geteuid(), os.getegid()

    def become() -> None:
        if os.getuid() != user:
            os.seteuid(os.getuid())
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)

    return become


def _configuration(socket: Path, folder: Path) -> str:
    lines = (
        "port 0",
        f"unixsocket {quoted(socket)}",
        "unixsocketperm 700",
        f"dir {quoted(folder)}",
        "appendonly yes",
        'save ""',
        "auto-aof-rewrite-percentage 0",
        "daemonize no",
        'logfile ""',
    )
    return "\n".join(lines) + "\n"


def _wait(store: redis.Redis, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + LOAD_S
    while True:
        try:
            store.ping()
        except redis.exceptions.RedisError:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-_TAIL_BYTES:]
                raise LocalError(f"the store's files do not load:\n{said}") from None
            time.sleep(_POLL_S)
        else:
            return


def _lines(store: Any) -> Iterator[_Line]:
    for key in store.scan_iter(count=_KEYS_A_TURN):
        kind = store.type(key).decode()
        ends = store.pexpiretime(key)
        line: _Line = {"key": _shown(key), "type": kind, "value": _READERS[kind](store, key)}
        yield line | ({"expires_ms": ends} if ends > 0 else {})


def _pairs(found: Any) -> list[list[Any]]:
    return [[_shown(name), _shown(value)] for name, value in found.items()]


_READERS: Final[dict[str, Callable[[Any, bytes], Any]]] = {
    "string": lambda store, key: _shown(store.get(key)),
    "hash": lambda store, key: _pairs(store.hgetall(key)),
    "set": lambda store, key: [_shown(member) for member in store.smembers(key)],
    "list": lambda store, key: [_shown(item) for item in store.lrange(key, 0, -1)],
    "zset": lambda store, key: [
        [_shown(member), score] for member, score in store.zrange(key, 0, -1, withscores=True)
    ],
    "stream": lambda store, key: [
        [_shown(number), _pairs(fields)] for number, fields in store.xrange(key)
    ],
}


def _shown(value: bytes) -> Any:
    """Return bytes as a text where a person could read it, else in base64."""
    if value.isascii() and value.decode("ascii").isprintable():
        return value.decode("ascii")
    return {"base64": base64.b64encode(value).decode()}

"""A line to the store for tests: the product's own packed commands, one after the other.

What the functions of the store do is tried here without a worker in between.
"""

import secrets
import socket
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import hiredis
import msgspec

from tests.support.redis_server import RedisServer
from verifier.contract.amendment import Amendment, AmendmentKind
from verifier.contract.record import ScanRecord
from verifier.contract.scan import make_scan_id, scan_id_bytes
from verifier.contract.vocabulary import Answer, Outcome
from verifier.service.store.library import ANNUL
from verifier.service.store.scans import (
    Stored,
    digest_of,
    hour_of,
    index_key,
    read_reply,
    scan_command,
    upload_command,
)
from verifier.service.store.wire import pack_command
from verifier.steps.use import Use, UseKind

TAG: Final = "07"
CALLER: Final = "t-1"


class StoreLine:
    """A blocking connection to a real Redis, as the user `worker`."""

    def __init__(self, server: RedisServer) -> None:
        server.load_functions()  # what the functions remember of a store that is emptied is gone
        self._reader = hiredis.Reader(notEnoughData=self)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(server.socket))
        self.ask(pack_command(("AUTH", "worker", server.users["worker"])))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, command: bytes) -> Any:
        """Send one packed command and return its reply."""
        self._socket.sendall(command)
        while True:
            reply = self._reader.gets()
            if reply is not self:
                return reply
            self._reader.feed(self._socket.recv(65536))

    def ask_all(self, commands: Sequence[bytes]) -> list[Any]:
        """Send packed commands together and return their replies."""
        self._socket.sendall(b"".join(commands))
        replies: list[Any] = []
        while len(replies) < len(commands):
            reply = self._reader.gets()
            if reply is self:
                self._reader.feed(self._socket.recv(65536))
            else:
                replies.append(reply)
        return replies

    def scan(
        self, scan_id: bytes, *claims: Use, text: str = "a code", tag: str = TAG, **more: Any
    ) -> Stored:
        """Store a live scan that passed; other outcomes by `outcome`."""
        made = record(scan_id, **more)
        passed = made.outcome is Outcome.PASS
        command = scan_command(
            tag,
            digest_of(CALLER, text),
            made,
            claims,
            unclaimed=Answer.FRESH if passed else Answer.UNASKED,
        )
        return read_reply(self.ask(command))

    def upload(
        self,
        scan_id: bytes,
        *claims: Use,
        final: Outcome = Outcome.PASS,
        text: str = "a code",
        ago: float = 0.0,
        online: bool = False,
        **more: Any,
    ) -> Stored:
        """Store what a terminal decided some seconds ago, or says that the centre decided."""
        at = int((time.time() - ago) * 1000)
        made = record(scan_id, final=final, offline=True, at=at, **more)
        command = upload_command(
            TAG,
            digest_of(CALLER, text),
            made,
            claims,
            unclaimed=Answer.UNASKED,
            online=online,
        )
        return read_reply(self.ask(command))

    def annul(self, scan_id: bytes) -> int:
        """Give back what a scan took; returns 1 when this call did."""
        said = msgspec.msgpack.encode(
            Amendment(kind=AmendmentKind.ANNULLED, by=CALLER, at=int(time.time() * 1000))
        )
        words = ("FCALL", ANNUL, 1, index_key(TAG, scan_id), scan_id, hour_of(scan_id), said)
        return int(self.ask(pack_command(words)))


def new_scan(*, ago: float = 0.0) -> bytes:
    """Make the bytes of a scan_id."""
    ms = int((time.time() - ago) * 1000)
    return scan_id_bytes(make_scan_id(CALLER, milliseconds=ms, random=secrets.token_bytes(6)))


def record(scan_id: bytes, **changes: Any) -> ScanRecord:
    """Make the record of a pass."""
    values: dict[str, Any] = {
        "scan_id": scan_id,
        "terminal": CALLER,
        "place": "metro-1",
        "gate": "a",
        "direction": "in",
        "at": int(time.time() * 1000),
        "outcome": Outcome.PASS,
        "reason": None,
        "steps": "ooooooo",
        "format": "CC1",
        "kind": 1,
        "colour": 1,
        "sector_class": None,
        "rule": None,
        "person": b"p" * 12,
        "members": 0,
        "open_stance": False,
        "unsure": None,
        "status_age": 3,
        "trust_version": 1,
        "status_version": 1,
        "profile_version": 1,
        "milliseconds": 0.4,
        "offline": False,
    }
    return ScanRecord(**values | changes)


def once(key: str, *, also: str = "", seconds: int = 600, shown: int = 0) -> Use:
    """Claim that a person passes once."""
    return Use(kind=UseKind.ONCE, key=key, also=also, seconds=seconds, shown=shown)


def enter(key: str) -> Use:
    """Claim an entry."""
    return Use(kind=UseKind.ENTER, key=key, seconds=600)


def leave(key: str) -> Use:
    """Claim an exit."""
    return Use(kind=UseKind.LEAVE, key=key, seconds=600)


def room(count: int, limit: int) -> Use:
    """Claim places in a room."""
    return Use(kind=UseKind.ROOM, key="room:metro-1", count=count, limit=limit, seconds=86_400)


def group(persons: Sequence[int], limit: int) -> tuple[Use, ...]:
    """Claim for the members of a group: once each, and their places."""
    return (*(once(f"person-{person}") for person in persons), room(len(persons), limit))

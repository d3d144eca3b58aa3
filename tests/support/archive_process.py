"""The archiving process for tests, and closed hours of records in a real store."""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.support.issued import trust_source
from tests.support.redis_server import RedisServer, redis_server
from tests.support.store_line import new_scan, record
from tests.support.verifier_process import Process, free_ports
from verifier.archive.columns import read_rows
from verifier.archive.hours import HOUR_MS, day_name
from verifier.archive.manifest import ArchiveProgress, DayManifest
from verifier.contract.amendment import Amendment
from verifier.contract.record import ScanRecord
from verifier.service.store.packed_record import pack_record

STRANGER_KEY: Final = "kapok_stranger_" + "x" * 43
"""Of a service whose scopes open nothing here."""


@dataclass(frozen=True, slots=True)
class ArchiveHouse:
    """A store, a records folder, a folder of day keys, and the process over them."""

    redis: RedisServer
    folder: Path
    process: Process

    @property
    def records(self) -> Path:
        """The folder of day files."""
        return self.folder / "records"

    @property
    def person_keys(self) -> Path:
        """The folder of the days' keys."""
        return self.folder / "person-hash"

    def fill(
        self,
        hour: int,
        count: int,
        *,
        tags: Sequence[int] = (0, 7, 63),
        start: int = 0,
        ttl_s: int = 26 * 3600,
        of: Iterable[ScanRecord] | None = None,
        amendment: Amendment | None = None,
    ) -> list[bytes]:
        """Put records into an hour's streams as the library does; returns their scan_ids."""
        made = [record(new_scan(), at=hour * HOUR_MS) for _ in range(count)] if of is None else of
        beside = {} if amendment is None else {"m": msgspec.msgpack.encode(amendment)}
        found = []
        with self.redis.client() as client:
            pipeline = client.pipeline(transaction=False)
            for place, each in enumerate(made):
                key = f"v:{{{tags[place % len(tags)]:02x}}}:r:{hour}"
                stands = f"{hour * HOUR_MS + start + place}-0"
                fields: dict[Any, Any] = {"r": pack_record(each), "a": b"f"}
                pipeline.xadd(key, fields | beside, id=stands)
                pipeline.expire(key, ttl_s, nx=True)
                found.append(each.scan_id)
            pipeline.execute()
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return every row of every part that a manifest lists."""
        found = []
        for path in sorted(self.records.glob("*/manifest.json")):
            for part in msgspec.json.decode(path.read_bytes(), type=DayManifest).parts:
                with (path.parent / part.file).open("rb") as source:
                    rows = list(read_rows(source))
                assert len(rows) == part.holds.rows
                found += rows
        return found

    def progress(self) -> ArchiveProgress | None:
        """Return how far it says it has come."""
        try:
            data = (self.records / "progress.json").read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(data, type=ArchiveProgress)

    def make_key(self, day: int) -> Path:
        """Make a day's person-hash key."""
        path = self.person_keys / f"{day_name(day)}.key"
        path.write_bytes(secrets.token_bytes(32))
        return path


def hour_now() -> int:
    """Return the present hour; not within seconds of its turn, so that tests agree on it."""
    return int((time.time() - 10) * 1000) // HOUR_MS


@contextmanager
def archive_house() -> Iterator[ArchiveHouse]:
    """Make a store and the settings of the process, which is the test's to start."""
    with redis_server() as server:
        folder = server.directory
        (folder / "person-hash").mkdir()
        (port,) = free_ports(1)
        settings = {
            "redis": {
                "socket": str(server.socket),
                "user": "archive",
                "password_file": str(server.password_file("archive")),
            },
            "service": {"host": "127.0.0.1", "port": port},
            "api_keys": [
                {
                    "name": "stranger",
                    "sha256": sha256(STRANGER_KEY.encode()).hexdigest(),
                    "scopes": ["records"],
                }
            ],
            "records": str(folder / "records"),
            "person_keys": str(folder / "person-hash"),
            "trust": str(folder / "trust.json"),
            "audit": str(folder / "audit"),
        }
        (folder / "audit").mkdir()
        (folder / "trust.json").write_bytes(msgspec.json.encode(trust_source()))
        path = folder / "archive.json"
        path.write_bytes(msgspec.json.encode(settings))
        process = Process("archive", path, port, folder / "archive.log")
        try:
            yield ArchiveHouse(server, folder, process)
        finally:
            process.kill()

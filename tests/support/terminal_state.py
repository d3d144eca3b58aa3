"""A terminal's disk and judgement without its process: real SQLite, real bundles, fixed time."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from firmware_stubs.bundles import Bundles, in_order
from firmware_stubs.clock import TerminalClock
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.facts import SqliteFacts
from firmware_stubs.edge.disk.messages import SqliteMessages
from firmware_stubs.edge.disk.records import SqliteRecords
from firmware_stubs.edge.disk.slots import SlotFiles
from firmware_stubs.edge.disk.storage import SqliteStorage
from firmware_stubs.edge.offline import Alone
from firmware_stubs.outbox import Bounds
from firmware_stubs.scans import Phase, Scan
from tests.support.city import GRANT, LIST_SIZE, asks
from tests.support.publisher import EDITION, NOW
from verifier.contract.reasons import Language
from verifier.contract.scan import make_scan_id
from verifier.contract.vocabulary import Plane
from verifier.engine import Clock
from verifier.steps.use import PersonKeys

CLOCK = Clock(now=NOW)


def new_scan(number: int = 1, text: str = "CC1:NOTHING", *, at: float = NOW) -> Scan:
    """Make a scan that is to be decided alone; `number` tells it from others."""
    scan_id = make_scan_id(
        GRANT.terminal, milliseconds=int(at * 1000), random=number.to_bytes(6, "big")
    )
    return Scan(scan_id=scan_id, text=text, at=at, phase=Phase.ALONE)


def bundles_of(**changes: Any) -> Bundles:
    """Take what the simulated publisher publishes; `changes` are of the place's profile."""
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    contents: Mapping[str, bytes] = {
        "trust": EDITION.trust(),
        "profiles": EDITION.profiles(asks(**changes)),
        "status-1-revocation": EDITION.status(Plane.REVOCATION, LIST_SIZE, {}),
        "status-1-health": EDITION.status(Plane.HEALTH, LIST_SIZE, {}, fill=1),
    }
    for name in in_order(contents):
        bundles.adopt(bundles.offer(name, contents[name], NOW))
    return bundles


def alone_in(folder: Path, *, bounds: Bounds | None = None, **changes: Any) -> Alone:
    """Make a terminal that decides alone, its disk in `folder`."""
    storage = storage_in(
        folder, bundles_of(max_status_age=86_400, **changes), bounds=bounds or Bounds()
    )
    return Alone(grant=GRANT, language=Language.EN, storage=storage, log=structlog.get_logger())


def storage_in(
    folder: Path,
    bundles: Bundles,
    *,
    bounds: Bounds,
    language: Language = Language.EN,
    person_key: bytes = b"k" * 32,
) -> SqliteStorage:
    """Open a terminal's folder around bundles that are loaded already."""
    database = Database(folder / "state.db")
    return SqliteStorage(
        database=database,
        facts=SqliteFacts(database),
        messages=SqliteMessages(database, generation=1),
        records=SqliteRecords(database, bounds, language),
        files=SlotFiles(folder / "bundles"),
        keys=PersonKeys(today=person_key, yesterday=None),
        clock=TerminalClock(build=0.0),
        bundles=bundles,
        refused=(),
        _lock=os.open(folder, os.O_RDONLY),
    )

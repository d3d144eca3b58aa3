"""The outbox in memory: whatever happens, it answers as the one in SQLite does."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_stubs.edge.disk.storage import open_storage
from firmware_stubs.scans import FinalDecision
from firmware_stubs.storage import Storage
from tests.support.publisher import NOW
from tests.support.terminal_state import new_scan
from tests.support.terminal_storage import memory_storage, storage_settings
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Outcome

STEP = st.tuples(
    st.sampled_from(
        ["put", "put acknowledged", "note", "open", "acknowledge", "sweep", "reopen", "fail"]
    ),
    st.integers(0, 7),
)


class _BrokenError(Exception):
    """What fails in the middle of a transaction."""


def step(storage: Storage, what: str, number: int, now: float) -> Any:
    """Do one thing and return what is told."""
    records, scan = storage.records, new_scan(number, "CC1:" + "X" * number)
    match what:
        case "put" | "put acknowledged" | "fail":
            answer = TerminalAnswer(
                scan_id=scan.scan_id, decision=Outcome.PASS, sentence="", recorded=False
            )
            acknowledged_at = now if what == "put acknowledged" else None
            with suppress(_BrokenError), storage.transaction() as transaction:
                verdict = FinalDecision(answer=answer, online=False)
                told = transaction.decide(scan, verdict, acknowledged_at=acknowledged_at)
                if what == "fail":
                    raise _BrokenError
                return told
            return None
        case "note":
            return records.note(scan)
        case "open":
            return records.mark_opened(scan.scan_id)
        case "acknowledge":
            return records.acknowledge([scan.scan_id], now)
        case "sweep":
            return storage.sweep(wall=now, confirmed_at=now + 100 * number)
    return records.reopen()


def shown(storage: Storage, now: float) -> Any:
    """Return all that can be seen of an outbox."""
    records = storage.records
    waiting = records.next()
    return (
        records.fill(),
        records.full(),
        [entry.octets for entry in waiting],
        records.read([entry.number for entry in waiting]),
        [(scan.scan_id, scan.phase, scan.opened) for scan in records.recent(now)],
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=30), st.integers(1, 4))
def test_both_outboxes_answer_alike(steps: list[tuple[str, int]], entries: int) -> None:
    """After every step, failed transactions too."""
    with tempfile.TemporaryDirectory() as name:
        disk = open_storage(storage_settings(Path(name), entries=entries), wall=NOW)
        memory = memory_storage(entries=entries)
        now = float(NOW)
        for what, number in steps:
            now += 100
            assert step(disk, what, number, now) == step(memory, what, number, now)
            assert shown(disk, now) == shown(memory, now)
        disk.close()

"""Repeats of a refusal: what is written at once, what is counted, and what a kill loses."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from runtime.audit import AuditLog, open_audit
from runtime.audit_folds import FOLD_MS, MAX_FOLDS, Folds
from verifier.contract import audit as audit_format
from verifier.contract.audit import Act, AuditAction, AuditHead, verify

T0 = 1_790_000_000_000
REFUSED = Act(action=AuditAction.REFUSE, person="ling", subject="person:1:7", reason="budget.spent")


class _Clock:
    """A clock that a test sets."""

    now = T0

    def __call__(self) -> int:
        return self.now


def opened(folder: Path, clock: _Clock) -> AuditLog[Act]:
    """Open the log of a process."""
    log = AuditLog(folder, "issuing", clock, audit_format)
    log.open()
    return log


def held(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of the log, which holds against its head."""
    lines = (folder / "issuing.ndjson").read_bytes().splitlines(keepends=True)
    head = AuditHead(*json.loads((folder / "issuing.head").read_bytes()))
    assert verify(lines, process="issuing", head=head).flaw is None
    return [json.loads(line) for line in lines]


def refuse(log: AuditLog[Act], clock: _Clock, times: int, *, step_ms: int, same: str = "x") -> None:
    """Refuse the same so often, some time apart."""

    async def steps() -> None:
        for _ in range(times):
            clock.now += step_ms
            await log.append_refusal(REFUSED, same)

    asyncio.run(steps())


def test_ten_thousand_refusals_are_an_entry_a_minute(tmp_path: Path) -> None:
    """The first at once; the counts add up, with the first and the last time of each."""
    clock = _Clock()
    log = opened(tmp_path, clock)
    refuse(log, clock, 10_000, step_ms=18)  # three minutes
    log.close()
    first, *others = held(tmp_path)
    assert (first["action"], first["at"]) == ("refused", T0 + 18)
    assert {each["action"] for each in others} == {"repeated"}
    assert len(others) <= 4
    assert sum(int(each["after"].removesuffix(" times")) for each in others) == 9_999
    assert others[0]["before"].split(" to ")[0] == str(T0 + 36)
    assert others[-1]["before"].split(" to ")[1] == str(T0 + 180_000)
    assert {each["subject"] for each in others} == {"person:1:7"}


def test_steps_of_the_clock_make_no_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty refusals within a second are an entry and a count, wherever the clock is set."""
    clock = _Clock()
    monkeypatch.setattr("runtime.audit.now_ms", clock)
    log: Any = structlog.get_logger()
    audit = open_audit(str(tmp_path), "issuing", log, audit_format)
    refuse(audit, clock, 20, step_ms=-10 * FOLD_MS)
    audit.close()
    assert len(held(tmp_path)) == 2


def test_a_kill_loses_the_count_of_a_minute_at_most(tmp_path: Path) -> None:
    """Never the first entry, nor what was written of minutes before; the log goes on."""
    clock = _Clock()
    log = opened(tmp_path, clock)
    refuse(log, clock, 100, step_ms=1000)
    assert [each["action"] for each in held(tmp_path)] == ["refused", "repeated"]
    assert log._file is not None  # as if the process were gone
    log._file.close()
    log._file = None
    again = opened(tmp_path, clock)
    refuse(again, clock, 1, step_ms=1)
    again.close()
    assert [each["action"] for each in held(tmp_path)] == ["refused", "repeated", "refused"]


def test_what_is_done_is_never_folded(tmp_path: Path) -> None:
    """The same act a hundred times is a hundred entries, whatever is folded beside it."""
    clock = _Clock()
    log = opened(tmp_path, clock)
    act = Act(action=AuditAction.REVOKE, person="ling", subject="credential:1:7")
    for _ in range(100):
        log.write(act)
        refuse(log, clock, 1, step_ms=1)
    log.close()
    actions = [each["action"] for each in held(tmp_path)]
    assert actions.count("credential.revoke") == 100
    assert len(actions) == 102


STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(-2 * FOLD_MS, 2 * FOLD_MS)), max_size=200)


@given(STEPS)
def test_every_refusal_is_written_or_counted(steps: list[tuple[int, int]]) -> None:
    """Whoever is refused whenever, on a clock that is set back too: nothing is counted twice."""
    folds, at, written, counted = Folds[str](), T0, 0, 0
    for who, step in steps:
        at += step
        counted += sum(fold.count for fold in folds.due(at))
        written += folds.take(str(who), "act", at)
    counted += sum(fold.count for fold in folds.rest())
    assert written + counted == len(steps)


def test_refusals_told_apart_are_bounded() -> None:
    """Past the bound the one that is silent longest is written out, and forgotten."""
    folds = Folds[str]()
    for who in range(MAX_FOLDS + 2):
        for _ in range(2):
            folds.take(str(who), str(who), T0)
    assert [fold.act for fold in folds.due(T0)] == ["0", "1"]
    assert not list(folds.due(T0))

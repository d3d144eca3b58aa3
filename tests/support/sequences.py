"""Reads the vectors of sequences, and plays those of a terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from firmware_stubs import outbox, uses
from firmware_stubs.chunks import CardProgress, Chunks
from firmware_stubs.commands import CommandPlan, Ring, read_command
from firmware_stubs.memory.rows import ChangeJournal
from firmware_stubs.memory.uses import MemoryUses
from tests.support.vectors import FOLDER, load
from verifier.contract.reasons import Reason
from verifier.contract.scan import UploadResult
from verifier.contract.vocabulary import Outcome
from verifier.steps.use import Use

SEQUENCES: Final[Mapping[str, Path]] = {
    path.stem: path for path in sorted((FOLDER / "sequences").glob("*.json"))
}
NOW: Final = 1_790_000_000.0

Step = Mapping[str, Any]


def of_kind(kind: str) -> tuple[str, ...]:
    """Return the names of the sequences of one kind."""
    return tuple(name for name, path in SEQUENCES.items() if load(path)["kind"] == kind)


def read_uses(step: Step) -> tuple[Use, ...]:
    """Return what a scan claims."""
    return msgspec.convert(step["uses"], tuple[Use, ...])


def play_commands(steps: tuple[Step, ...]) -> list[Any]:
    """Return what a terminal says at each step, in the form of `expect`."""
    ring, said = Ring(), []
    for step in steps:
        if "finish" in step:
            said.append(_told(ring.finish(step["finish"], done=step["done"])))
        elif "restart" in step:
            ring = Ring(ring.entries())
            said.append([_told(plan) for plan in ring.restarted()])
        else:
            command = read_command(msgspec.json.encode(step["receive"]))
            if command is None:
                said.append(None)
                continue
            plan = ring.receive(
                command,
                now=step["now"],
                clock_sure=step.get("clock_sure", True),
                suspended=step.get("suspended", False),
                retained=step.get("retained", False),
            )
            assert (plan.act is not None) is step["act"], step
            said.append(_told(plan))
    return said


def _told(plan: CommandPlan) -> Any:
    return None if plan.word is None else msgspec.to_builtins(plan.word)


def play_chunks(steps: tuple[Step, ...]) -> list[Any]:
    """Return what is judged or how much was read, at each step."""
    shown, said = Chunks(), []
    for step in steps:
        found = shown.take(step["text"], step["at"])
        progress = isinstance(found, CardProgress)
        said.append({"read": found.read, "total": found.total} if progress else found)
    return said


def play_outbox(steps: tuple[Step, ...]) -> list[Any]:
    """Return what the outbox's policy says at each step."""
    said: list[Any] = []
    for step in steps:
        if "room" in step:
            fill = outbox.Fill(**step["room"])
            said.append(outbox.room(fill, step["octets"], outbox.Bounds(**step["bounds"])).value)
        elif "drop" in step:
            decision = None if step["drop"] is None else Outcome(step["drop"])
            reason = None if step["reason"] is None else Reason(step["reason"])
            found = outbox.droppable(
                decision, reason, acknowledged=step["acknowledged"], number=step["number"]
            )
            said.append(None if found is None else list(found))
        else:
            results = msgspec.convert(step["results"], tuple[UploadResult, ...])
            said.append([fate.value for fate in outbox.fates(step["sent"], results)])
    return said


def play_uses(steps: tuple[Step, ...]) -> list[Any]:
    """Return a terminal's answer to each scan, and who of a group had passed."""
    table, said = MemoryUses(ChangeJournal()), []
    for step in steps:
        scan_id = f"{step['scan']:036d}"
        found = uses.take(table, read_uses(step), scan_id=scan_id, now=NOW)
        said.append((found.answer.value, list(found.members)))
    return said

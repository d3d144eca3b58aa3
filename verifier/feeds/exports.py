"""Rows of the export: the fields a consumer was given, of a record and the store's answer.

The fields are a table; the decision is the one that everybody makes of both.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from verifier.contract.amendment import Amendment
from verifier.contract.export import ExportField, Value
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer
from verifier.decision import Decision


class ExportInput(NamedTuple):
    """All that a row can be made from."""

    record: ScanRecord
    answer: Answer
    made: Decision
    amendment: Amendment | None
    incident: str | None


def _decision(told: ExportInput) -> Value:
    final = told.record.final
    return str(told.made.outcome if final is None else final)


def _reason(told: ExportInput) -> Value:
    record = told.record
    found = told.made.reason if record.final is None else record.final_reason
    return None if found is None else str(found)


def _amended(told: ExportInput) -> Value:
    return None if told.amendment is None else str(told.amendment.kind)


FIELDS: Final[Mapping[ExportField, Callable[[ExportInput], Value]]] = {
    ExportField.SCAN_ID: lambda told: str(uuid.UUID(bytes=told.record.scan_id)),
    ExportField.TERMINAL: lambda told: told.record.terminal,
    ExportField.PLACE: lambda told: told.record.place,
    ExportField.GATE: lambda told: told.record.gate,
    ExportField.DIRECTION: lambda told: told.record.direction,
    ExportField.AT: lambda told: told.record.at,
    ExportField.FORMAT: lambda told: told.record.format,
    ExportField.KIND: lambda told: told.record.kind,
    ExportField.DECISION: _decision,
    ExportField.REASON: _reason,
    ExportField.ANSWER: lambda told: str(told.answer),
    ExportField.COLOUR: lambda told: told.record.colour,
    ExportField.SECTOR_CLASS: lambda told: told.record.sector_class,
    ExportField.RULE: lambda told: told.record.rule,
    ExportField.MEMBERS: lambda told: told.record.members,
    ExportField.MICROSECONDS: lambda told: int(told.record.milliseconds * 1000),
    ExportField.OFFLINE: lambda told: told.record.offline,
    ExportField.MANUAL: lambda told: told.record.manual,
    ExportField.OPEN_STANCE: lambda told: told.record.open_stance,
    ExportField.STATUS_AGE: lambda told: told.record.status_age,
    ExportField.INCIDENT: lambda told: told.incident,
    ExportField.AMENDED: _amended,
}


def row(fields: Sequence[ExportField], told: ExportInput) -> tuple[Value, ...]:
    """Return one record's values in the order of `fields`."""
    return tuple(FIELDS[field](told) for field in fields)

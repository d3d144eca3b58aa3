"""A row of a day file: what an entry of a record stream says, member by member.

Members of a record keep their names; `decision` and `decision_reason` are what follows from record,
answer and terminal, so that a reader need not know the rule. An entry that a newer program has
stored keeps its bytes, in `unread`. Types, and what each column means: docs/records.md.
"""

from typing import Any, Final, NamedTuple

from verifier.archive.manifest import EntryId
from verifier.contract.amendment import Amendment
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer
from verifier.decision import conclude

COLUMNS: Final = (
    *("stored", "number", "tag", "scan_id", "terminal", "place", "gate", "direction", "at"),
    *("decision", "decision_reason", "answer", "outcome", "reason", "steps", "format"),
    *("kind", "colour", "sector_class", "rule", "person", "members", "open_stance"),
    *("unsure", "status_age", "trust_version", "status_version", "profile_version"),
    *("milliseconds", "offline", "final", "final_reason", "incident", "manual"),
    *("group_green", "group_yellow", "group_red", "group_none", "group_exceptions"),
    *("amended", "amended_by", "amended_at", "amended_decision", "amended_reason", "unread"),
)
_NOTHING: Final = (None,) * len(COLUMNS)


class StreamEntry(NamedTuple):
    """An entry of a record stream."""

    tag: int
    id: EntryId
    octets: bytes
    """The record as the store kept it."""
    record: ScanRecord | None = None
    """None where the bytes could not be read; then nor are the others there."""
    answer: Answer | None = None
    amendment: Amendment | None = None


def row_of(entry: StreamEntry) -> tuple[Any, ...]:
    """Return an entry's values in the order of COLUMNS; times in milliseconds."""
    record, answer, amendment = entry.record, entry.answer, entry.amendment
    opening = (entry.id.ms, entry.id.number, entry.tag)
    if record is None or answer is None:
        return (*opening, *_NOTHING[len(opening) : -1], entry.octets)
    made = conclude(record, answer)
    group = record.group
    return (
        *opening,
        record.scan_id,
        record.terminal,
        record.place,
        record.gate,
        record.direction,
        record.at,
        made.outcome if record.final is None else record.final,
        made.reason if record.final is None else record.final_reason,
        answer,
        record.outcome,
        record.reason,
        record.steps,
        record.format,
        record.kind,
        record.colour,
        record.sector_class,
        record.rule,
        record.person or None,
        record.members,
        record.open_stance,
        record.unsure,
        record.status_age,
        record.trust_version,
        record.status_version,
        record.profile_version,
        record.milliseconds,
        record.offline,
        record.final,
        record.final_reason,
        record.incident,
        record.manual,
        *((None,) * 5 if group is None else (group.green, group.yellow, group.red, group.none)),
        *(() if group is None else (group.exceptions,)),
        *_amended(amendment),
        None,
    )


def _amended(amendment: Amendment | None) -> tuple[Any, ...]:
    if amendment is None:
        return (None,) * 5
    return (
        amendment.kind,
        amendment.by,
        amendment.at,
        amendment.decision,
        amendment.reason,
    )

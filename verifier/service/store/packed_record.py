"""A record as the store keeps it: a MessagePack array, in as few bytes as its reader allows.

The order of members is the format (docs/store-verifier.md); new ones go to the end. What most
records do not have stands last and is left out where none of it is there; what follows from the
scan_id is kept as the difference. What a record is belongs to `verifier.contract.record`.
"""

from typing import Any, Final

import msgspec

from verifier.contract.reasons import Reason
from verifier.contract.record import GroupRecord, ScanRecord
from verifier.contract.vocabulary import Direction, Outcome
from verifier.decision import STEPS
from verifier.errors import Outage
from verifier.steps.course import OK

_OUTCOMES: Final = (Outcome.PASS, Outcome.DENY, Outcome.REVIEW)
_PLACES: Final = {outcome: place for place, outcome in enumerate(_OUTCOMES)}
_PARTS: Final = 100
"""Milliseconds are kept in hundredths."""
_SCAN_ID_BYTES: Final = 16
_ALL_OK: Final = OK * len(STEPS)
_ENCODE: Final = msgspec.msgpack.Encoder().encode


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    scan_id: bytes
    terminal: str
    place: str
    gate: str
    inward: bool
    late: int
    """Milliseconds from the scan_id's own time to the decision; negative for a clock ahead."""
    outcome: int
    reason: Reason | None
    steps: str | None
    """None: every step was OK."""
    format: str | None
    kind: int | None
    colour: int | None
    sector_class: int | None
    rule: str | None
    person: bytes
    members: int
    open_stance: bool
    unsure: Reason | None
    status_age: int | None
    trust_version: int
    status_version: int
    profile_version: int
    spent: int
    offline: bool
    final: int | None = None
    incident: str | None = None
    group: GroupRecord | None = None
    final_reason: Reason | None = None
    manual: bool = False


_DECODE: Final = msgspec.msgpack.Decoder(_Packed).decode


def pack_record(record: ScanRecord) -> bytes:
    """Pack a record; some 95 bytes for a person's pass."""
    packed: tuple[Any, ...] = (
        record.scan_id,
        record.terminal,
        record.place,
        record.gate,
        record.direction == Direction.IN,
        record.at - int.from_bytes(record.scan_id[:6], "big"),
        _PLACES[record.outcome],
        record.reason,
        None if record.steps == _ALL_OK else record.steps,
        record.format,
        record.kind,
        record.colour,
        record.sector_class,
        record.rule,
        record.person,
        record.members,
        record.open_stance,
        record.unsure,
        record.status_age,
        record.trust_version,
        record.status_version,
        record.profile_version,
        round(record.milliseconds * _PARTS),
        record.offline,
    )
    if (
        record.final is not None
        or record.group is not None
        or record.manual
        or record.incident is not None
        or record.final_reason is not None
    ):
        final = None if record.final is None else _PLACES[record.final]
        packed += (final, record.incident, record.group, record.final_reason, record.manual)
    return _ENCODE(packed)


def unpack_record(data: bytes) -> ScanRecord:
    """Read a record as it is kept.

    Raises:
        Outage: it is of another version of this program.
    """
    try:
        found = _DECODE(data)
        outcome = _OUTCOMES[found.outcome]
        final = None if found.final is None else _OUTCOMES[found.final]
    except (msgspec.DecodeError, IndexError) as error:
        raise Outage("a record that cannot be read") from error
    if len(found.scan_id) != _SCAN_ID_BYTES:
        raise Outage("a record without a scan_id")
    return ScanRecord(
        scan_id=found.scan_id,
        terminal=found.terminal,
        place=found.place,
        gate=found.gate,
        direction=Direction.IN if found.inward else Direction.OUT,
        at=int.from_bytes(found.scan_id[:6], "big") + found.late,
        outcome=outcome,
        reason=found.reason,
        steps=_ALL_OK if found.steps is None else found.steps,
        format=found.format,
        kind=found.kind,
        colour=found.colour,
        sector_class=found.sector_class,
        rule=found.rule,
        person=found.person,
        members=found.members,
        open_stance=found.open_stance,
        unsure=found.unsure,
        status_age=found.status_age,
        trust_version=found.trust_version,
        status_version=found.status_version,
        profile_version=found.profile_version,
        milliseconds=found.spent / _PARTS,
        offline=found.offline,
        final=final,
        incident=found.incident,
        group=found.group,
        final_reason=found.final_reason,
        manual=found.manual,
    )

"""Rows of the export: every field has its value, and no field says who it was."""

import msgspec

from verifier.contract.export import ExportField
from verifier.contract.reasons import Reason
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer, Outcome
from verifier.decision import conclude
from verifier.feeds.exports import FIELDS, ExportInput, row

RECORD = ScanRecord(
    scan_id=bytes(16),
    terminal="t-1",
    place="hall-1",
    gate="a",
    direction="in",
    at=1_800_000_000_123,
    outcome=Outcome.PASS,
    reason=None,
    steps="ooooooo-",
    format="CC1",
    kind=1,
    colour=1,
    sector_class=0,
    rule=None,
    person=b"somebody 123",
    members=0,
    open_stance=False,
    unsure=None,
    status_age=3,
    trust_version=1,
    status_version=2,
    profile_version=3,
    milliseconds=1.5,
    offline=False,
)


def told(answer: Answer = Answer.FRESH, **changes: object) -> ExportInput:
    """Return what is known of a scan."""
    record = msgspec.structs.replace(RECORD, **changes)
    return ExportInput(record, answer, conclude(record, answer), None, None)


def test_every_field_is_made() -> None:
    """The table has a line for each field, and rows follow the order asked for."""
    assert set(FIELDS) == set(ExportField)
    asked = (ExportField.PLACE, ExportField.MICROSECONDS, ExportField.AT)
    assert row(asked, told()) == ("hall-1", 1500, 1_800_000_000_123)


def test_the_decision_is_everybodys() -> None:
    """Made of record and answer; the terminal's final one wins."""
    asked = (ExportField.DECISION, ExportField.REASON)
    assert row(asked, told()) == ("pass", None)
    assert row(asked, told(Answer.USED)) == ("deny", Reason.USE_REPLAYED)
    final = told(final=Outcome.DENY, final_reason=Reason.STATUS_RED)
    assert row(asked, final) == ("deny", "status.red")


def test_no_field_names_the_person() -> None:
    """Not its hash either: it would link a day's scans of one person."""
    values = row(tuple(ExportField), told())
    assert not any(isinstance(value, bytes) for value in values)
    assert RECORD.person.hex() not in str(values)

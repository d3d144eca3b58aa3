"""Records as the store keeps them come back as they were."""

from typing import Any, Final

import msgspec
import pytest

from tests.support.store_line import new_scan, record
from verifier.contract.reasons import Reason
from verifier.contract.record import GroupRecord, ScanRecord
from verifier.contract.vocabulary import Outcome
from verifier.errors import Outage
from verifier.service.store.packed_record import _Packed, pack_record, unpack_record

MOST_OCTETS: Final = 100
"""Of a person's pass; the store's figure for a record stands on it."""
VARIANTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"direction": "out", "steps": "ooooorx", "outcome": Outcome.DENY, "reason": Reason.STATUS_RED},
    {"at": 1, "person": b"", "format": None, "kind": None, "colour": None},
    {"final": Outcome.DENY, "final_reason": Reason.USE_REPLAYED, "offline": True},
    {"group": GroupRecord(green=3, yellow=1, red=0, none=0, exceptions=(2,)), "members": 4},
    {"incident": "use.double", "outcome": Outcome.REVIEW, "unsure": Reason.STATUS_STALE},
    {"manual": True, "milliseconds": 12.34, "status_age": None, "rule": "r-1"},
)


@pytest.mark.parametrize("changes", VARIANTS)
def test_a_record_comes_back_as_it_was(changes: dict[str, Any]) -> None:
    """Every member, also those that are left out where they are not there."""
    kept = record(new_scan(), **changes)
    assert unpack_record(pack_record(kept)) == kept


def test_a_pass_is_small() -> None:
    """What every scan costs in memory for a day."""
    assert len(pack_record(record(new_scan()))) <= MOST_OCTETS


@pytest.mark.parametrize("data", [b"", b"\x90", msgspec.msgpack.encode(["a", 1]), b"\xc1"])
def test_what_is_no_record_is_an_outage(data: bytes) -> None:
    """The store holds what another version wrote."""
    with pytest.raises(Outage):
        unpack_record(data)


def test_an_outcome_that_there_is_not_is_an_outage() -> None:
    """A number outside the list names nothing."""
    fields = msgspec.msgpack.decode(pack_record(record(new_scan())))
    fields[6] = 9
    with pytest.raises(Outage):
        unpack_record(msgspec.msgpack.encode(fields))


def test_no_member_is_forgotten() -> None:
    """A record that gets another member must be packed with it."""
    assert len(_Packed.__struct_fields__) == len(ScanRecord.__struct_fields__)

"""Scans: ids that belong to a caller, the terminal's small answer, bodies that are refused."""

import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.contract.errors import MalformedError
from verifier.contract.scan import (
    MAX_TEXT_CHARS,
    MAX_UPLOAD_RECORDS,
    GroupCounts,
    ScanRequest,
    TerminalAnswer,
    UploadRequest,
    make_scan_id,
    scan_id_bytes,
    scan_id_tail,
)

ID = make_scan_id("hall-1-east", milliseconds=1_790_000_000_123, random=bytes(range(6)))


@given(
    st.text(min_size=1, max_size=32).filter(lambda t: t.isascii()),
    st.integers(0, (1 << 48) - 1),
    st.binary(min_size=6, max_size=6),
)
def test_scan_ids_are_version_8_uuids(caller: str, milliseconds: int, random: bytes) -> None:
    """RFC 9562: time first, so that they sort; the end is the caller's."""
    scan_id = make_scan_id(caller, milliseconds=milliseconds, random=random)
    parsed = uuid.UUID(scan_id)
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
    assert scan_id_bytes(scan_id) == parsed.bytes
    assert int.from_bytes(parsed.bytes[:6], "big") == milliseconds
    assert scan_id.endswith(scan_id_tail(caller))


def test_random_bits_fill_what_a_uuid_has_left() -> None:
    """A version-8 UUID has room for 42 bits beside time and caller; all of them are random."""
    made = {
        make_scan_id("t", milliseconds=0, random=(1 << bit).to_bytes(6, "big")) for bit in range(48)
    }
    plain = make_scan_id("t", milliseconds=0, random=bytes(6))
    assert len(made - {plain}) == 42


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID[:-8] + ID[-8:].upper() if ID[-8:].upper() != ID[-8:] else ID + "0",
        ID[:-1] + "G",
        ID + "\n",
        " " + ID,
        ID.replace("-", ""),
        ID[:14] + "4" + ID[15:],
        ID[:19] + "7" + ID[20:],
        "{" + ID + "}",
        "urn:uuid:" + ID,
    ],
)
def test_other_texts_are_no_scan_ids(text: str) -> None:
    """One form: lower case, with dashes, of version 8."""
    with pytest.raises(MalformedError):
        scan_id_bytes(text)


def test_the_terminals_answer_has_exactly_these_fields() -> None:
    """No index, no claims, no other sector: what is not listed here is not told."""
    assert set(TerminalAnswer.__struct_fields__) == {
        "scan_id",
        "decision",
        "reason",
        "rule",
        "rule_text",
        "sentence",
        "sector_class",
        "group",
        "recorded",
    }
    assert set(GroupCounts.__struct_fields__) == {
        "members",
        "green",
        "yellow",
        "red",
        "none",
        "exceptions",
    }


BODY: dict[str, Any] = {"scan_id": ID, "text": "CC1:AA"}
WRONG: dict[str, dict[str, Any]] = {
    "no text": {"scan_id": ID},
    "no scan_id": {"text": "CC1:AA"},
    "an empty text": BODY | {"text": ""},
    "a text too long": BODY | {"text": "A" * (MAX_TEXT_CHARS + 1)},
    "a text that is a number": BODY | {"text": 7},
    "a text that is null": BODY | {"text": None},
    "a member we do not know": BODY | {"direction": "in"},
}


@pytest.mark.parametrize("name", WRONG)
def test_requests_that_are_refused(name: str) -> None:
    """Unknown, missing and wrong-typed members."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(WRONG[name]), type=ScanRequest)


@pytest.mark.parametrize("count", [0, MAX_UPLOAD_RECORDS + 1])
def test_uploads_have_bounds(count: int) -> None:
    """None, and one too many."""
    record = BODY | {"at": 1.0, "decision": "pass"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"records": [record] * count}, UploadRequest)


def test_texts_do_not_show_in_a_repr() -> None:
    """A code is a person's; logs print values."""
    request = msgspec.convert(BODY | {"text": "CC1:SECRET"}, ScanRequest)
    upload = msgspec.convert(
        {"records": [BODY | {"text": "CC1:SECRET", "at": 1.0, "decision": "deny"}]}, UploadRequest
    )
    assert "SECRET" not in repr(request) + repr(upload)

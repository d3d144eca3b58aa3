"""Scans in the store: index `v:{tt}:i:…`, records `v:{tt}:r:…`, uses `v:{tt}:u|p|c:…`.

A command is made here and its reply read; the step itself is the function library's. All keys of a
scan share the hash tag of its use scope (`verifier.steps.use.scope_tag`).
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import hiredis
import msgspec
from msgspec import structs

from verifier.contract.amendment import Amendment
from verifier.contract.reasons import Reason
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer, Outcome
from verifier.decision import CONTRADICTION
from verifier.errors import Outage
from verifier.service.store.library import SCAN, UPLOAD
from verifier.service.store.packed_record import pack_record, unpack_record
from verifier.service.store.wire import pack_command
from verifier.steps.use import Use, UseKind

DIGEST_BYTES: Final = 12
"""Bytes of a text's digest: enough to tell two texts under one scan_id apart."""
HOUR_MS: Final = 3_600_000
_BUCKET_BYTE: Final = 11
"""Of a scan_id: the last byte of its random part."""

_ANSWERS: Final = {
    b"f": Answer.FRESH,
    b"u": Answer.USED,
    b"l": Answer.FULL,
    b"p": Answer.PAIR,
    b"n": Answer.UNASKED,
    b"g": Answer.PART,
    b"x": Answer.UNKNOWN,
}
_LETTERS: Final = {answer: letter.decode() for letter, answer in _ANSWERS.items()}
_KINDS: Final = {UseKind.ENTER: "e", UseKind.LEAVE: "l"}
_AMENDMENT: Final = msgspec.msgpack.Decoder(Amendment).decode
ANNULLED: Final = b"a"


class Fresh(msgspec.Struct, frozen=True):
    """Stored now."""

    answer: Answer
    members: tuple[int, ...] = ()
    """Positions of a group's members who had passed already."""


class StoredBefore(msgspec.Struct, frozen=True):
    """Stored before under this scan_id."""

    answer: Answer
    annulled: bool
    record: ScanRecord | None
    """None in the reply to an upload, and where the record is no longer kept."""
    amendment: Amendment | None = None
    members: tuple[int, ...] = ()
    """Positions of a group's members who had passed already."""
    uploaded: bool = False
    """By an earlier upload; nobody had asked the centre."""


class Amended(msgspec.Struct, frozen=True):
    """An upload of a scan that was answered online; what the terminal did was appended."""

    answer: Answer
    gave_back: bool


class Conflict(msgspec.Struct, frozen=True):
    """The scan_id belongs to another text."""


Stored = Fresh | StoredBefore | Amended | Conflict


UPLOADED: Final = b"o"


def digest_of(caller: str, text: str) -> bytes:
    """Return the digest that a scan_id is bound to: 12 bytes."""
    return hashlib.sha256(f"{caller}|{text}".encode()).digest()[:DIGEST_BYTES]


def index_key(tag: str, scan_id: bytes) -> str:
    """Return the index key of a scan_id: by hour and the last byte of its random part."""
    return f"v:{{{tag}}}:i:{hour_of(scan_id)}:{scan_id[_BUCKET_BYTE]:02x}"


def hour_of(scan_id: bytes) -> int:
    """Return the hour of a scan_id's own time, counted from 1970."""
    return int.from_bytes(scan_id[:6], "big") // HOUR_MS


def scan_command(
    tag: str, digest: bytes, record: ScanRecord, uses: Sequence[Use], *, unclaimed: Answer
) -> bytes:
    """Pack the command of a live scan; `unclaimed` is the answer when no use is taken."""
    scan_id = record.scan_id
    return pack_command(
        (
            "FCALL",
            SCAN,
            1,
            index_key(tag, scan_id),
            scan_id,
            digest,
            hour_of(scan_id),
            pack_record(record),
            _LETTERS[unclaimed],
            *_flat(uses),
        )
    )


def upload_command(
    tag: str,
    digest: bytes,
    record: ScanRecord,
    uses: Sequence[Use],
    *,
    unclaimed: Answer,
    online: bool = False,
    claimed_at: float | None = None,
    known_as: bytes | None = None,
) -> bytes:
    """Pack the command of an uploaded scan; its record says what the terminal did.

    `online`: the terminal says that the centre decided so. Where it did, nothing is stored; where
    it did not, the record stands as the terminal's own decision. `claimed_at`: Unix seconds from
    which uses count, where that is not the time of the scan. A terminal that let nobody through
    comes too late to give a use back after the time in which it may annul: that is an incident.
    `known_as`: the scan_id, where the record says only its day.
    """
    scan_id = record.scan_id if known_as is None else known_as
    late = b""
    if online:
        did = "d" if record.final is Outcome.PASS else "c"
    elif _may_let_pass(record):
        did = "p"
    else:
        did = "n"
        late = pack_record(structs.replace(record, incident=CONTRADICTION))
    return pack_command(
        (
            "FCALL",
            UPLOAD,
            1,
            index_key(tag, scan_id),
            scan_id,
            digest,
            hour_of(scan_id),
            pack_record(record),
            _LETTERS[unclaimed],
            did,
            record.at // 1000 if claimed_at is None else int(claimed_at),
            late,
            *_flat(uses),
        )
    )


def _may_let_pass(record: ScanRecord) -> bool:
    """Say whether somebody may have been let through; of a group under review those who may."""
    group = record.final is Outcome.REVIEW and record.final_reason is Reason.GROUP_EXCEPTIONS
    return record.final is Outcome.PASS or group


def _flat(uses: Sequence[Use]) -> list[str | int]:
    flat: list[str | int] = []
    for use in uses:
        match use.kind:
            case UseKind.ONCE:
                flat += ("o", use.key, use.also, use.seconds, use.shown)
            case UseKind.ROOM:
                flat += ("r", use.key, use.seconds, use.count, use.limit)
            case UseKind.GROUP:
                flat.append("g")
            case UseKind.MEMBER:
                flat += ("m", use.count)
            case _:
                flat += (_KINDS[use.kind], use.key, use.also, use.seconds)
    return flat


def read_reply(reply: Any) -> Stored:
    """Read what the store said of a scan or an upload.

    Raises:
        Outage: it is away, or answered an error; the scan is not known to be stored.
    """
    if isinstance(reply, bytes):
        answer = _ANSWERS.get(reply)
        return Conflict() if answer is None else Fresh(answer)
    if isinstance(reply, Outage):
        raise reply
    if isinstance(reply, hiredis.ReplyError) or not isinstance(reply, list):
        raise Outage("the store refused a scan")
    if reply[0] == b"g":
        return Fresh(Answer.PART, tuple(reply[1]))
    kind, letter, state, *rest = reply
    if kind == b"m":
        return Amended(_ANSWERS[letter], state == ANNULLED)
    record = unpack_record(rest[0]) if rest and rest[0] else None
    return StoredBefore(
        _ANSWERS[letter],
        state == ANNULLED,
        record,
        read_amendment(rest[1]) if rest and rest[1] else None,
        tuple(rest[2]) if rest else (),
        state == UPLOADED,
    )


def read_amendment(data: bytes) -> Amendment:
    """Read an amendment as it is kept.

    Raises:
        Outage: it is of another version of this program.
    """
    try:
        return _AMENDMENT(data)
    except msgspec.DecodeError as error:
        raise Outage("an amendment that cannot be read") from error


def read_answer(kept: bytes) -> Answer:
    """Read the answer as it is kept beside a record: its letter, then what was claimed."""
    return _ANSWERS[kept[:1]]

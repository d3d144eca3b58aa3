"""The shape of a line: JSON read strictly, an id that comes back, faults from a closed list."""

import json
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import read_json
from verifier.errors import VerifierError

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a line without its end; the largest carries a picture of a frame."""
MAX_ID_INTEGER: Final = 2**53 - 1
"""The largest number that may be an id: larger ones would come back changed elsewhere."""


class ProtocolFault(StrEnum):
    """Why a line was not judged; closed."""

    LINE_TOO_LONG = "line.too_long"
    LINE_MALFORMED = "line.malformed"
    """Not one JSON object in UTF-8, or without an id."""
    INPUT = "input.malformed"
    """Not exactly one of text, texts and png, or not of its type."""
    AT = "at.malformed"
    KEYS = "keys.malformed"
    """Not a list of keys, or one that is no public key."""
    KEYS_PRIVATE = "keys.private"
    """A private key where public ones belong."""
    PROFILE = "profile.malformed"
    REVOKED_RIDS = "revoked_rids.malformed"
    TRUST = "trust.malformed"
    STATUS = "status.malformed"
    ROSTERS = "rosters.malformed"
    APPOINTMENTS = "appointments.malformed"
    CLOCK = "clock.malformed"
    GRANT = "grant.malformed"
    DOCUMENTS = "documents.malformed"
    """Of bundles: not a list of documents, the first a root file, of kinds that there are."""
    BITS = "bits.malformed"
    LIST = "lst.malformed"
    INDEX = "index.malformed"
    INDEX_OUT_OF_RANGE = "index.out_of_range"


class BadLine(VerifierError):  # noqa: N818 - it is the line's, and answered as such
    """A line that cannot be judged."""

    def __init__(self, fault: ProtocolFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


Members = Mapping[str, Any]


def answer(line: bytes, respond: Callable[[Members], Members]) -> bytes:
    """Answer one line; `respond` turns its members into those of the answer, after the id.

    The answer carries no line end. Never raises for what a line holds.
    """
    identity: str | int | None = None
    try:
        members = _read(line)
        identity = _identity(members.get("id"))
        found = (
            respond(members)
            if identity is not None
            else {"error": ProtocolFault.LINE_MALFORMED.value}
        )
    except BadLine as error:
        found = {"error": error.fault.value}
    return json.dumps({"id": identity, **plain(found)}, ensure_ascii=False).encode()


def too_long() -> bytes:
    """Answer a line that was longer than any, and was not kept."""
    return json.dumps({"id": None, "error": ProtocolFault.LINE_TOO_LONG.value}).encode()


def _read(line: bytes) -> dict[str, Any]:
    line = line.strip(b" \t\r\n")
    if len(line) > MAX_LINE_BYTES:
        raise BadLine(ProtocolFault.LINE_TOO_LONG)
    try:
        found = read_json(line)
    except MalformedError as error:
        raise BadLine(ProtocolFault.LINE_MALFORMED) from error
    if not isinstance(found, dict):
        raise BadLine(ProtocolFault.LINE_MALFORMED)
    return found


def _identity(value: Any) -> str | int | None:
    """Return an id that can be given back as it came."""
    if type(value) is str or (type(value) is int and abs(value) <= MAX_ID_INTEGER):
        return value
    return None


def plain(value: Any) -> Any:
    """Turn a value into what JSON can say: bytes in hex, keys as text, no number that is none."""
    if isinstance(value, Mapping):
        return {_name(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain(member) for member in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _name(key: Any) -> str:
    if isinstance(key, bytes):
        return key.hex()
    return key if isinstance(key, str) else json.dumps(plain(key))

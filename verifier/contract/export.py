"""The signed export of scan records: what an entitled system takes, in the fields it was given.

A page is an envelope under `kapok/1/export` whose payload is deterministic CBOR (docs/feeds.md). It
says to whom it was given, which fields stand in which order, and from where to where it reaches, so
that a page can neither be left out nor passed on as another's unnoticed.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from verifier.contract.cbor import Grammar, decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError

MAX_ROWS: Final = 2000
"""Records of a page; a page asked for 1,000 may be a little longer."""
_GRAMMAR: Final = Grammar(max_items=200_000)

Value = str | int | bool | None


class ExportField(StrEnum):
    """What a consumer can be given of a record; never the person, never the text of a code."""

    SCAN_ID = "scan_id"
    TERMINAL = "terminal"
    PLACE = "place"
    GATE = "gate"
    DIRECTION = "direction"
    AT = "at"
    """Unix milliseconds of the decision."""
    FORMAT = "format"
    KIND = "kind"
    DECISION = "decision"
    REASON = "reason"
    ANSWER = "answer"
    COLOUR = "colour"
    SECTOR_CLASS = "sector_class"
    RULE = "rule"
    MEMBERS = "members"
    MICROSECONDS = "microseconds"
    """That the decision took."""
    OFFLINE = "offline"
    MANUAL = "manual"
    OPEN_STANCE = "open_stance"
    STATUS_AGE = "status_age"
    INCIDENT = "incident"
    AMENDED = "amended"
    """What was said of the scan afterwards: this row stands for an earlier one of its scan_id."""


class ExportDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page."""

    type: str
    """export."""
    consumer: str
    """Name of the API key it was given to."""
    iat: Annotated[int, msgspec.Meta(ge=0)]
    after: Annotated[int, msgspec.Meta(ge=0)]
    """The cursor that was asked for."""
    cursor: Annotated[int, msgspec.Meta(ge=0)]
    """Where the next page starts."""
    fields: tuple[ExportField, ...]
    records: Annotated[tuple[tuple[Value, ...], ...], msgspec.Meta(max_length=MAX_ROWS)]
    """One row for each record, its values in the order of `fields`; oldest first."""


def seal_export(document: ExportDocument, *, kid: bytes, algorithm: Algorithm, sign: Sign) -> bytes:
    """Sign a page with the export key."""
    built: Any = msgspec.to_builtins(document)
    return seal(SignedUse.EXPORT, encode(built), kid=kid, algorithm=algorithm, sign=sign)


def read_export(payload: bytes) -> ExportDocument:
    """Read the payload of a page whose signature holds.

    Raises:
        MalformedError: the payload is no page, or a row is not as long as `fields`.
    """
    found: Any = decode(payload, _GRAMMAR)
    try:
        document = msgspec.convert(found, ExportDocument)
    except msgspec.ValidationError as error:
        raise MalformedError("not an export") from error
    if document.type != "export" or any(
        len(row) != len(document.fields) for row in document.records
    ):
        raise MalformedError("not an export")
    return document

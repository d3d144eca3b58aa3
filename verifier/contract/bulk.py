"""Bulk issue: the lines of POST /v1/credentials/bulk, in and out (docs/bulk.md).

A line asks for one person; the answer has a line for each, in the same order, and a last one that
says that all are there. No answer holds a reference.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MAX_BULK_LINES: Final = 1_000
"""Lines of a batch: some 0.2 s of the issuing process."""
MAX_BULK_BYTES: Final = 1024 * 1024
"""Bytes of a batch; a line has some 150."""
MAX_CREDENTIAL_HOURS: Final = 2 * 366 * 24
"""A credential lives two years at most: as long as the key that signed it."""
JOB: Final = r"[0-9a-f]{16}"
"""What a job is called: 64 random bits, so that nobody else's is meant."""

LineNumber = Annotated[int, Meta(ge=1, lt=1 << 40)]
Reference = Annotated[str, Meta(min_length=1, max_length=128)]
Sectors = dict[str, Annotated[int, Meta(ge=0, le=0xFFFF)]]


class BulkPaper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                tag="paper", tag_field="kind"):  # fmt: skip
    """A static code for a person, to be printed."""

    line: LineNumber
    reference: Reference
    hours: Annotated[int, Meta(ge=1, le=MAX_CREDENTIAL_HOURS)]
    colour: str = "green"
    """Of a new person; who is known keeps the colour."""
    sectors: Sectors | None = None
    """hall, transit, culture, health to class: a city code."""

    def __repr__(self) -> str:
        return "BulkPaper(…)"


class BulkPhone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                tag="phone", tag_field="kind"):  # fmt: skip
    """A person is made known; the phone gets its credential when it proves that it has its key."""

    line: LineNumber
    reference: Reference
    colour: str = "green"

    def __repr__(self) -> str:
        return "BulkPhone(…)"


class BulkIssued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a line."""

    line: int
    person: int
    new: bool
    """The person was not known before."""
    credential_index: int | None = None
    text: str | None = None
    """What is printed as a QR code."""
    expires: int | None = None
    """Unix seconds."""


class BulkRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a line came to nothing; never with what it said."""

    line: int | None
    """None: it could not be read."""
    code: str
    field: str | None
    """The name of the member that is wrong."""


class BulkEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of an answer: without it something was cut off."""

    batch: int
    issued: int
    refused: int


def make_reader() -> "msgspec.json.Decoder[BulkPaper | BulkPhone]":
    """Return a decoder of one line."""
    return msgspec.json.Decoder(BulkPaper | BulkPhone)

"""The messages between a terminal and the fleet: JSON, UTF-8, one structure for each topic.

Every string, number and list has a bound. Times are integers: milliseconds since 1970-01-01 UTC.
Messages to the fleet refuse unknown fields, since the fleet is always updated first; messages to
terminals may gain fields, and a terminal ignores those it does not know. No personal data, no code
and no scan is in any of them: scans go by HTTP. Document: docs/terminal-contract.md.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from fleet.contract.commands import CommandType, ResultCode, ResultState
from fleet.contract.errors import Breach, ContractError
from runtime.json_depth import check_depth

MAX_MESSAGE_BYTES: Final = 8 * 1024
"""Bytes of any payload; the largest, a desired document, is bounded to the same."""
MAX_NAMES: Final = 32
"""Entries in a map of counters, bundles or capabilities; a terminal has fewer than ten of each."""
MAX_ARGUMENT_CHARS: Final = 200
"""Characters of a command's argument: an id or a word."""
BUNDLE_SPREAD_S: Final = 30
"""Seconds over which terminals spread their fetch of a bundle; also the least interval of news."""

TerminalId = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{4,32}\Z")]
CommandId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""The first digit is the shard of the command's terminal; the rest is random."""
BootId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""128 random bits, new at every start of the terminal's software."""
Name = Annotated[str, Meta(pattern=r"\A[a-z0-9._-]{1,48}\Z")]
REFUSED: Final = (
    r"\x00-\x1f\x7f-\x9f"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ufe00-\ufe0f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef"
)
"""Control, bidirectional and invisible characters: what no text of people may hold. The same as in
the verifier's contract, which this one does not know; a test compares them."""
PLAIN: Final = rf"\A[^{REFUSED}]*\Z"
Label = Annotated[str, Meta(min_length=1, max_length=64, pattern=PLAIN)]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""SHA-256, lower-case hex."""
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Fits a double, as many JSON readers use."""
Ordinal = Annotated[int, Meta(ge=1, le=2**53 - 1)]
MAX_GENERATION: Final = 999_999
"""Enrolments of one terminal: six digits in each topic; one a day would last 2,700 years."""
Generation = Annotated[int, Meta(ge=1, le=MAX_GENERATION)]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Offset = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]
"""Milliseconds of either sign; fits a double."""
Argument = Annotated[str, Meta(max_length=MAX_ARGUMENT_CHARS, pattern=PLAIN)] | int | bool


class Epoch(Struct, frozen=True, order=True, array_like=True, forbid_unknown_fields=True):
    """One connection of one identity, as [generation, counter]; later ones compare greater."""

    generation: Generation
    """Given by the fleet; one more with every enrolment."""
    counter: Ordinal
    """Made durable on the terminal before each CONNECT; starts at 1 in every generation."""


class ClockState(StrEnum):
    """Whether the terminal's time can be relied on."""

    OK = "ok"
    UNSURE = "unsure"


class Software(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What runs on the terminal."""

    name: Label
    version: Label


class Birth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first message after each CONNECT."""

    epoch: Epoch
    boot: BootId
    at: Milliseconds
    clock: ClockState
    software: Software
    bundles: Annotated[dict[Name, Count], Meta(max_length=MAX_NAMES)]
    """Name -> version of each bundle in use."""
    capabilities: Annotated[tuple[Name, ...], Meta(max_length=MAX_NAMES)]
    """Command types it carries out, and other names that later versions give a meaning."""
    reported_from: Ordinal
    """Lowest sequence of `reported` that the terminal still keeps or will use next."""
    result_from: Ordinal
    """The same of `result`."""


class Will(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Left with the broker at CONNECT; also published before an orderly DISCONNECT."""

    epoch: Epoch
    boot: BootId


class Beat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The heartbeat, every 30 s with jitter."""

    epoch: Epoch
    boot: BootId
    at: Milliseconds
    clock: ClockState
    uptime_s: Count
    outbox: Count
    """Scan records that wait for upload."""
    verifier_online: bool
    """Whether the terminal's own rule holds the verifier for reachable."""
    counters: Annotated[dict[Name, Count], Meta(max_length=MAX_NAMES)]
    """Since the start of the software: scans.pass, scans.deny, scans.review, gate.openings ..."""
    clock_offset_ms: Offset | None = None
    temperature_c: Annotated[float, Meta(ge=-100, le=200)] | None = None


class Reported(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the terminal has applied; a newer one replaces an older."""

    epoch: Epoch
    boot: BootId
    sequence: Ordinal
    at: Milliseconds
    desired_version: Count
    """The desired document in force; 0 when none was ever applied."""
    desired_digest: Digest | None
    bundles: Annotated[dict[Name, Count], Meta(max_length=MAX_NAMES)]


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One word about one command."""

    epoch: Epoch
    boot: BootId
    sequence: Ordinal
    at: Milliseconds
    command: CommandId
    state: ResultState
    code: ResultCode


class Ack(Struct, frozen=True, kw_only=True):
    """What the fleet has stored; the terminal forgets what is named here, and only that."""

    generation: Generation
    """Of the identity whose sequences are meant."""
    reported: Count
    result: Count


class Desired(Struct, frozen=True, kw_only=True):
    """A change of what the terminal should be."""

    version: Ordinal
    base: Count
    """The version this is a change of; a terminal that holds another fetches the whole document."""
    changes: dict[Name, Any]
    """Merge patch (RFC 7396): arrays are atomic, null removes."""


class Command(Struct, frozen=True, kw_only=True):
    """Something to do."""

    id: CommandId
    type: CommandType
    issued_at: Milliseconds
    expires_at: Milliseconds
    """The terminal checks it and answers `expired` past it."""
    arguments: Annotated[dict[Name, Argument], Meta(max_length=MAX_NAMES)] = msgspec.field(
        default_factory=dict
    )


class NewBundle(Struct, frozen=True, kw_only=True):
    """One bundle that can be fetched."""

    name: Name
    version: Count
    digest: Digest


class BundleNews(Struct, frozen=True, kw_only=True):
    """The newest bundles; fetch by HTTP after a random part of `spread_s`."""

    spread_s: Count
    bundles: Annotated[tuple[NewBundle, ...], Meta(max_length=MAX_NAMES)]


Message = Birth | Will | Beat | Reported | Result | Ack | Desired | Command | BundleNews
AnyMessage = TypeVar("AnyMessage", bound=Message)

_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """Write a message as JSON.

    Raises:
        ContractError: it is longer than a payload may be.
    """
    data = _encoder.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise ContractError(Breach.PAYLOAD_LONG)
    return data


_decoders: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (Birth, Will, Beat, Reported, Result, Ack, Desired, Command, BundleNews)
}


def read(kind: type[AnyMessage], payload: bytes) -> AnyMessage:
    """Read a payload as the message of its topic.

    Raises:
        ContractError: it is too long, no JSON, or not of this kind.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise ContractError(Breach.PAYLOAD_LONG)
    try:
        check_depth(payload)
        message: AnyMessage = _decoders[kind].decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ContractError(Breach.PAYLOAD_MALFORMED) from error
    return message

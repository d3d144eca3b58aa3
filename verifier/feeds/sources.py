"""Sources: who may feed which planes with which values, how often and how much. One TOML file each.

An error names the field; unknown means no. The file's name is the source's name.
"""

import base64
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from verifier.contract.errors import MalformedError
from verifier.contract.feed import FED_PLANES, MAX_LINES, MAX_OCTETS, SourceName
from verifier.contract.text import PLAIN, explained
from verifier.contract.vocabulary import Colour, Plane
from verifier.errors import SourceError
from verifier.status.plane import BITS
from verifier.trust.keys import VerifyKey, kid_of, load_spki

MAX_FILE_BYTES: Final = 16 * 1024
"""Bytes of a source's file."""
MAX_SOURCES: Final = 64
"""Sources of one process; each may hold a connection, a spool and 200 KB of memory."""
_FIELD: Final = re.compile(r"\$\.([A-Za-z0-9_.\[\]]+)")
_NAMED: Final = re.compile(r"(?:missing required|unknown) field `([^`]+)`")
_ANY: Final = "any"


class SourceState(StrEnum):
    """Whether a source may send."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class UnknownPersons(StrEnum):
    """What a line about somebody who has no index here is."""

    WRONG = "wrong"
    """A wrong line, as any other."""
    SKIPPED = "skipped"
    """Nothing to us: a province reports more people than one city's codes."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a source may send."""

    lines_per_second: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20_000
    """Taken from it and applied; more waits on the wire."""
    batch_lines: Annotated[int, msgspec.Meta(ge=1, le=MAX_LINES)] = 1_000_000
    batch_octets: Annotated[int, msgspec.Meta(ge=1, le=MAX_OCTETS)] = 256 * 1024 * 1024
    wrong_lines: Annotated[int, msgspec.Meta(ge=0, le=500)] = 0
    """In a thousand of a batch's lines; past it the whole batch is refused. 0: whole or nothing."""


class BreakerRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a source that fails is given a pause."""

    failures: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    """In a row."""
    pause: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    """Seconds of the first pause; each failed trial doubles it."""
    longest: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 900
    """Seconds."""
    slow: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 30
    """Seconds without 64 KiB of a part: a failure too, and the connection is ended."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source as its file says."""

    name: SourceName
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PLAIN)]
    spki: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    """Its public key: SubjectPublicKeyInfo (DER) in base64; P-256 or Ed25519."""
    callers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=8)]
    """Names of the API keys that may send for it and see its state."""
    list: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
    scope: Annotated[dict[Plane, tuple[str | int, ...]], msgspec.Meta(min_length=1)]
    """Plane to the values it may set: words of a colour, numbers, or "any"."""
    every: Annotated[int, msgspec.Meta(ge=1, le=7 * 86_400)]
    """Seconds between two batches; an empty one says that nothing has changed."""
    stale_after: Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]
    """Seconds since the last batch's `iat`."""
    required: tuple[Plane, ...] = ()
    """Planes whose age is that of this source while it is stale."""
    state: SourceState = SourceState.ACTIVE
    unknown_persons: UnknownPersons = UnknownPersons.WRONG
    limits: Limits = Limits()
    breaker: BreakerRules = BreakerRules()

    def __post_init__(self) -> None:
        if any(plane not in FED_PLANES for plane in self.scope):
            raise ValueError("scope takes health, test and doses")
        if any(plane not in self.scope for plane in self.required):
            raise ValueError("required names a plane outside scope")
        if self.stale_after < self.every:
            raise ValueError("stale_after is shorter than every")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source with its words turned into what is compared."""

    file: SourceFile
    key: VerifyKey
    kid: bytes
    values: dict[Plane, frozenset[int]]
    """Plane to the values it may set."""

    @property
    def name(self) -> str:
        """Return its name."""
        return self.file.name


def read_source(data: bytes) -> Source:
    """Read a source's file (TOML, UTF-8).

    Raises:
        SourceError: with the field that is wrong.
    """
    if len(data) > MAX_FILE_BYTES:
        raise SourceError("(file)", "longer than 16 KiB")
    try:
        found = tomllib.loads(data.decode())
        file = msgspec.convert(found, SourceFile)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("(file)", f"not TOML: {error}") from error
    except (msgspec.ValidationError, ValueError) as error:
        raise SourceError(_field(str(error)), explained(str(error))) from error
    values = {plane: _values(plane, words) for plane, words in file.scope.items()}
    try:
        public, key = load_spki(base64.b64decode(file.spki, validate=True))
    except (ValueError, MalformedError) as error:
        raise SourceError("spki", "no public key that may sign here, in base64") from error
    return Source(file=file, key=key, kid=kid_of(public), values=values)


def value_of(plane: Plane, word: Any) -> int | None:
    """Return the number that a word or number stands for in a plane; None: nothing of the plane."""
    if isinstance(word, str):
        known = plane is Plane.HEALTH and word.upper() in Colour.__members__ and word.islower()
        return int(Colour[word.upper()]) if known else None
    if isinstance(word, int) and not isinstance(word, bool) and 0 <= word < 1 << BITS[plane]:
        return word
    return None


def word_of(plane: Plane, value: int) -> str:
    """Return how a value is called in reports and counts."""
    return Colour(value).name.lower() if plane is Plane.HEALTH else str(value)


def _values(plane: Plane, words: Iterable[str | int]) -> frozenset[int]:
    values: set[int] = set()
    for word in words:
        value = value_of(plane, word)
        if word == _ANY:
            values.update(range(1 << BITS[plane]))
        elif value is None:
            raise SourceError(f"scope.{plane}", "a value that the plane does not have")
        else:
            values.add(value)
    if not values:
        raise SourceError(f"scope.{plane}", "no value at all; leave the plane out")
    return frozenset(values)


def _field(message: str) -> str:
    """Find the field that a validation message speaks of."""
    at, named = _FIELD.search(message), _NAMED.search(message)
    prefix = f"{at[1]}." if at else ""
    if named:
        return prefix + named[1]
    return at[1] if at else message.split(" ", 1)[0]

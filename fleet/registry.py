"""The registry: districts, places with their gates, terminals; read from one TOML document.

Pure: takes text, returns a frozen value; an error names the field. Place ids are made here; what a
place asks of a code is the verifier's profile of the same id. Order in the file has no meaning.

    [[district]]            id, name
    [[place]]               id, name, district, address (optional)
    [[place.gate]]          id, direction ("in" or "out"), belongs to the place above it
    [[terminal]]            id, place, gate, fingerprint; optional: generation, certificate_ends,
                            scopes, state, serial
"""

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from fleet.contract.messages import PLAIN, Digest, Generation, Label
from fleet.contract.messages import TerminalId as TerminalIdText
from fleet.contract.topics import TerminalId, Topic
from fleet.errors import RegistryError
from verifier.contract.text import explained
from verifier.contract.vocabulary import ApiScope, Direction, GrantState

MAX_REGISTRY_BYTES: Final = 32 * 1024 * 1024
"""Bytes; 100,000 terminals take some 20 MB."""

Identifier = Annotated[str, Meta(pattern=r"\A[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?\Z")]
DEFAULT_SCOPES: Final = (ApiScope.SCAN, ApiScope.BUNDLES)


class District(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the city."""

    id: Identifier
    name: Label


class Gate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way in or out of a place."""

    id: Identifier
    direction: Direction


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where people are let in."""

    id: Identifier
    name: Label
    district: Identifier
    gate: tuple[Gate, ...]
    address: Annotated[str, Meta(max_length=200, pattern=PLAIN)] = ""


class RegisteredTerminal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device at a gate."""

    id: TerminalIdText
    place: Identifier
    gate: Identifier
    fingerprint: Digest
    """SHA-256 of its certificate's DER."""
    generation: Generation = 1
    """Counts enrolments: an older key of this id is another identity. A renewal keeps it."""
    certificate_ends: Annotated[datetime, Meta(tz=True)] | None = None
    """notAfter of its certificate; None: not known. The broker looks at it at CONNECT alone."""
    scopes: tuple[ApiScope, ...] = DEFAULT_SCOPES
    state: GrantState = GrantState.ACTIVE
    serial: Annotated[str, Meta(max_length=64, pattern=PLAIN)] = ""

    def ended(self, now: int) -> bool:
        """Say whether its certificate has ended by `now`, in ms."""
        return self.certificate_ends is not None and now >= self.certificate_ends.timestamp() * 1000


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    district: tuple[District, ...] = ()
    place: tuple[Place, ...] = ()
    terminal: tuple[RegisteredTerminal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What the city has, by id."""

    districts: dict[str, District]
    places: dict[str, Place]
    terminals: dict[TerminalId, RegisteredTerminal]

    def gate_of(self, terminal: RegisteredTerminal) -> Gate:
        """Return the gate a terminal stands at."""
        return next(gate for gate in self.places[terminal.place].gate if gate.id == terminal.gate)

    def addressed(self, topic: Topic, now: int) -> Topic | None:
        """Return a topic of a terminal's present generation; None: nobody may hear it at `now`."""
        if topic.terminal is None:
            return topic
        terminal = self.terminals.get(topic.terminal)
        if terminal is None or terminal.state is GrantState.REVOKED or terminal.ended(now):
            return None
        return replace(topic, generation=terminal.generation)


EMPTY: Final = Registry(districts={}, places={}, terminals={})


def read_registry(text: str) -> Registry:
    """Read the registry.

    Raises:
        RegistryError: no TOML, a field is missing, unknown or wrong, an id stands twice or points
            to nothing, two terminals share a certificate.
    """
    if len(text) > MAX_REGISTRY_BYTES:
        raise RegistryError("the registry is too long")
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise RegistryError(explained(str(error))) from error
    _unique("district", (district.id for district in file.district))
    _unique("place", (place.id for place in file.place))
    _unique("terminal", (terminal.id for terminal in file.terminal))
    registry = Registry(
        districts={district.id: district for district in file.district},
        places={place.id: place for place in file.place},
        terminals={TerminalId(terminal.id): terminal for terminal in file.terminal},
    )
    _check_places(registry)
    _check_terminals(registry)
    return registry


def _check_places(registry: Registry) -> None:
    for place in registry.places.values():
        if place.district not in registry.districts:
            raise RegistryError(f"$.place[id={place.id}].district: no district {place.district}")
        _unique(f"place[id={place.id}].gate", (gate.id for gate in place.gate))


def _check_terminals(registry: Registry) -> None:
    for terminal in registry.terminals.values():
        where = f"$.terminal[id={terminal.id}]"
        place = registry.places.get(terminal.place)
        if place is None:
            raise RegistryError(f"{where}.place: no place {terminal.place}")
        if all(gate.id != terminal.gate for gate in place.gate):
            raise RegistryError(f"{where}.gate: no gate {terminal.gate} at {terminal.place}")
        if len(set(terminal.scopes)) != len(terminal.scopes):
            raise RegistryError(f"{where}.scopes: one stands twice")
    _unique("terminal.fingerprint", (each.fingerprint for each in registry.terminals.values()))


def _unique(what: str, ids: Iterable[str]) -> None:
    twice = [identifier for identifier, count in Counter(ids).items() if count > 1]
    if twice:
        raise RegistryError(f"$.{what}: {twice[0]} stands twice")

"""Settings of one terminal: one JSON file, named on the command line; secrets are paths."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from firmware_stubs.outbox import DEFAULT_KEEP_S, MAX_ENTRIES, MAX_OCTETS
from fleet.contract.messages import Generation, TerminalId
from runtime import settings
from runtime.settings import Port, SettingsError
from verifier.contract.reasons import Language
from verifier.contract.vocabulary import Direction

MAX_SOCKET_BYTES: Final = 107
"""Bytes of a unix socket's path (sun_path of Linux)."""
MAX_GATE_OPEN_S: Final = 30.0
"""Seconds; a gate that stays open longer is a door, and nobody counts who walks through."""

Place = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,62}\Z")]
Seconds = Annotated[float, Meta(gt=0, le=3600)]


class CentreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verifier's door for terminals."""

    url: Annotated[str, Meta(pattern=r"\Ahttps://[^/]+\Z")]
    ca: str
    """PEM: who may have signed the verifier's certificate."""


class BrokerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker's listener for terminals."""

    host: str
    port: Port
    ca: str
    """PEM: who may have signed the broker's certificate."""


class TerminalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it; what has a default need not be written."""

    terminal: TerminalId
    """With the generation also the CN of the certificate."""
    place: Place
    gate: Place
    direction: Direction
    state: str
    """Folder of all that must survive a restart; made with mode 0700 where missing."""
    socket: str
    """Path of the unix socket: lens, wedge and switch."""
    key: str
    certificate: str
    """PEM; while one of the two is missing the terminal is enrolling."""
    root: str
    """The pinned root file, as the bundle `root` comes."""
    verifier: CentreSettings
    broker: BrokerSettings

    generation: Generation = 1
    """Of the enrolment, given by the fleet."""
    language: Language = Language.ZH
    beat_s: Seconds = 30.0
    spread_s: Seconds = 2.0
    """Over which the fleet spreads reconnects; the contract's value for a fleet of 1,000."""
    bundle_poll_s: Seconds = 30.0
    gate_open_s: Annotated[float, Meta(gt=0, le=MAX_GATE_OPEN_S)] = 3.0
    keep_s: Annotated[float, Meta(ge=0, le=86_400)] = DEFAULT_KEEP_S
    """How long an acknowledged record is kept for a resend."""
    outbox_entries: Annotated[int, Meta(ge=1, le=10_000_000)] = MAX_ENTRIES
    outbox_octets: Annotated[int, Meta(ge=1)] = MAX_OCTETS


def read_settings(path: Path) -> TerminalSettings:
    """Read the settings; relative paths in them are taken from the file's own folder.

    Raises:
        SettingsError: unreadable, no JSON, or a field is missing, unknown or wrong.
    """
    found = _absolute(settings.read_settings(path, TerminalSettings), path.parent.resolve())
    if len(found.socket.encode()) > MAX_SOCKET_BYTES:
        raise SettingsError(f"{path}: $.socket: longer than {MAX_SOCKET_BYTES} bytes")
    return found


def _absolute(settings: TerminalSettings, folder: Path) -> TerminalSettings:
    def whole(name: str) -> str:
        return str(folder / name)

    replace = msgspec.structs.replace
    return replace(
        settings,
        **{
            name: whole(getattr(settings, name))
            for name in ("state", "socket", "key", "certificate", "root")
        },
        verifier=replace(settings.verifier, ca=whole(settings.verifier.ca)),
        broker=replace(settings.broker, ca=whole(settings.broker.ca)),
    )

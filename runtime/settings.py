"""Settings of a process: one JSON file; secrets stand there as paths only."""

from pathlib import Path
from typing import Annotated, Final, Generic, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

MAX_SETTINGS_BYTES: Final = 1024 * 1024
"""Bytes; a thousand API keys take 200 KB."""
MAX_SECRET_BYTES: Final = 4096
"""Bytes of a file with a password or an API key."""

Port = Annotated[int, Meta(ge=1, le=65535)]
Name = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,32}\Z")]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class SettingsError(Exception):
    """The settings do not hold; the text names the field or the file."""


class RedisSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The store."""

    socket: str
    user: str
    password_file: str


class DoorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address to listen on, for services and people of this machine."""

    host: str
    port: Port


class TlsDoorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terminals' door; `client_ca` has signed their certificates."""

    host: str
    port: Port
    certificate: str
    key: str
    client_ca: str


class Scope(Protocol):
    """One thing that a key or token opens."""

    @property
    def only_operators(self) -> bool:
        """Whether a person must answer for it: no key may have it."""


AnyScope = TypeVar("AnyScope", bound=Scope)


class ApiKey(Struct, Generic[AnyScope], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may call; `sha256` is of the whole key text."""

    name: Name
    sha256: Digest
    scopes: tuple[AnyScope, ...]
    terminal: str | None = None
    """The terminal as which the key scans; its grant is needed all the same."""

    def __post_init__(self) -> None:
        if any(scope.only_operators for scope in self.scopes):
            raise ValueError("a key may not have a scope that only operators have")


AnySettings = TypeVar("AnySettings", bound=Struct)


def read_settings(path: Path, kind: type[AnySettings]) -> AnySettings:
    """Read a settings file.

    Raises:
        SettingsError: unreadable, no JSON, or a field is missing, unknown or wrong.
    """
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_SETTINGS_BYTES), type=kind)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error


def read_secret(path: str, field: str) -> str:
    """Read a password or key from its file.

    Raises:
        SettingsError: it cannot be read, or is empty.
    """
    try:
        with Path(path).open(encoding="ascii") as file:
            secret = file.read(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"$.{field}: cannot read {path}") from error
    if not secret:
        raise SettingsError(f"$.{field}: {path} is empty")
    return secret

"""Settings of the fleet's process: one JSON file, named on the command line; secrets are paths."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from fleet.contract.messages import Digest
from fleet.contract.topics import SHARDS
from verifier.contract.vocabulary import ONLY_OPERATORS, ApiScope

MAX_SETTINGS_BYTES: Final = 1024 * 1024
"""Octets; a thousand API keys take 200 KB."""

Port = Annotated[int, Meta(ge=1, le=65535)]
ShardName = Annotated[str, Meta(pattern=r"\A[0-9a-f]\Z")]
ProcessName = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,32}\Z")]


class SettingsError(Exception):
    """The settings do not hold; the text names the field."""


class RedisSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The store."""

    socket: str
    user: str
    password_file: str


class MqttSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker's door for services; `ca` has signed its certificate."""

    host: str
    port: Port
    ca: str
    certificate: str
    key: str


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The door for services and people."""

    host: str
    port: Port


class ApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may call; `sha256` is of the whole key text."""

    name: ProcessName
    sha256: Digest
    scopes: tuple[ApiScope, ...]

    def __post_init__(self) -> None:
        if ONLY_OPERATORS.intersection(self.scopes):
            raise ValueError("a key may not have a scope that only operators have")


class VerifierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to ask for bundle versions."""

    url: str
    api_key_file: str


class FleetProcessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    redis: RedisSettings
    mqtt: MqttSettings
    http: HttpSettings
    api_keys: tuple[ApiKey, ...]
    registry: str
    """TOML, see fleet/registry.py; read again on SIGHUP."""
    grant_key: str
    """PKCS #8 PEM, P-256."""
    operators: str
    """TOML, see fleet/operators.py; read again with the registry."""
    operator_key: str
    """PKCS #8 PEM, P-256: signs operators' tokens."""
    audit: str
    """Folder of the audit log."""
    verifier: VerifierSettings | None = None
    process: ProcessName = "fleet"
    """Two processes must not share one: it says whose leases are whose after a crash."""
    shards: tuple[ShardName, ...] = SHARDS


def read_settings(path: Path) -> FleetProcessSettings:
    """Read the settings.

    Raises:
        SettingsError: unreadable, no JSON, or a field is missing, unknown or wrong.
    """
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_SETTINGS_BYTES), type=FleetProcessSettings)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error

"""Settings of the fleet's process: one JSON file, named on the command line; secrets are paths."""

from typing import Annotated

from msgspec import Meta, Struct

from fleet.contract.topics import SHARDS
from runtime.settings import ApiKey, DoorSettings, Name, Port, RedisSettings
from verifier.contract.vocabulary import ApiScope

ShardName = Annotated[str, Meta(pattern=r"\A[0-9a-f]\Z")]


class MqttSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker's door for services; `ca` has signed its certificate."""

    host: str
    port: Port
    ca: str
    certificate: str
    key: str


class VerifierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to ask for bundle versions."""

    url: str
    api_key_file: str


class FleetProcessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    redis: RedisSettings
    mqtt: MqttSettings
    http: DoorSettings
    api_keys: tuple[ApiKey[ApiScope], ...]
    registry: str
    """TOML, see fleet/registry.py; read again on SIGHUP."""
    grant_key: str
    """PKCS #8 PEM, P-256."""
    grant_floor: str | None = None
    """File of the highest rank given to a grant, kept outside the store; None: nothing is kept."""
    operators: str
    """TOML, see fleet/operators.py; read again with the registry."""
    operator_key: str
    """PKCS #8 PEM, P-256: signs operators' tokens."""
    audit: str
    """Folder of the audit log."""
    verifier: VerifierSettings | None = None
    process: Name = "fleet"
    """Two processes must not share one: it says whose leases are whose after a crash."""
    shards: tuple[ShardName, ...] = SHARDS

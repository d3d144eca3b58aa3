"""Settings of a scan worker: one JSON file; secrets stand there as paths only."""

from msgspec import Struct

from runtime.settings import ApiKey, DoorSettings, Name, Port, RedisSettings, TlsDoorSettings
from verifier.contract.vocabulary import ApiScope


class FleetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where grants come from."""

    url: str
    api_key_file: str


class WorkerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scan worker."""

    name: Name
    redis: RedisSettings
    service: DoorSettings
    tls: TlsDoorSettings | None = None
    own_port: Port
    """Loopback port of this worker alone: health, readiness, metrics."""
    api_keys: tuple[ApiKey[ApiScope], ...]
    root: str
    """The pinned root file: all trust starts there."""
    person_keys: str
    """Folder of <YYYY-MM-DD>.key."""
    audit: str
    """Folder of the audit logs."""
    floors: str | None = None
    """File of the bundles' floors, kept outside the store; None: a restart forgets them."""
    fleet: FleetSettings | None = None
    """None: grants come from the store alone."""

"""One running house as a value: its folders, ports and interpreter; what is written of it.

Everything that `table` and `seed` need to know about this start stands here, and nothing secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import write_file
from deploy.local.ports import LOOPBACK, in_url, reached_at

TERMINALS: Final = ("hall-1", "transit-1", "culture-1")
"""The demo terminals, one for each sector."""
CREDENTIALS: Final = "credentials"
"""Below `run`: what children are handed of the keys."""
API_KEY: Final = "local-admin"
"""Name of the key that people and commands on this machine use."""


class Ports(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ports of the house, on loopback but for `OF_TERMINALS`; 0 in a request: any free one."""

    verifier: int = 0
    verifier_tls: int = 0
    issuing: int = 0
    fleet: int = 0
    mqtt: int = 0
    mqtt_service: int = 0
    archive: int = 0
    feeds: int = 0


OF_TERMINALS: Final = frozenset({"verifier_tls", "mqtt"})
"""Ports of the doors that ask for a client's certificate: they listen on `terminals_host`."""


class KeptConfiguration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Configuration of a house that root started: root writes it, the account reads it."""

    folder: str
    line: int
    """The open line to root's part (`keeper`)."""


class UpPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `launch` decided and `up` carries out."""

    data: str
    code: str
    python: str
    pythonpath: str
    ports: Ports
    own_ports: tuple[int, ...]
    """One a worker: its own health, readiness and metrics; the scan ports are shared."""
    terminals_host: str = LOOPBACK
    """Where the doors for terminals listen: loopback, or what <data>/house.toml says."""
    of_root: bool = False
    """Root started the house."""
    keeper: KeptConfiguration | None = None
    """Where root keeps the configuration; None: the account does, in the data folder."""
    people: int | None = None
    """For how many people the list shall be; None: as it is, or the demo city's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One start of the house."""

    data: Path
    code: Path
    """Folder that holds our packages."""
    sockets: Path
    """Short folder (unix socket paths end at 107 bytes), mode 0700."""
    ports: Ports
    python: Path
    pythonpath: str
    own_ports: tuple[int, ...]
    """One a scan worker."""
    terminals_host: str = LOOPBACK
    """The address on which the doors for terminals listen."""
    keeper: KeptConfiguration | None = None
    """Root's part, where root started the house: it keeps the configuration."""

    @property
    def run(self) -> Path:
        """Return the folder of what this start writes in the data folder."""
        return self.data / "run"

    def configuration(self, child: str) -> Path:
        """Return the folder of a child's configuration: settings, or those of another program."""
        return (self.run if self.keeper is None else Path(self.keeper.folder)) / child

    def credentials(self, child: str) -> Path:
        """Return the folder of the keys that a child is handed."""
        return self.run / CREDENTIALS / child

    @property
    def keys(self) -> Path:
        """Return the folder of the keys."""
        return self.data / "keys"

    @property
    def redis_socket(self) -> Path:
        """Return the path of Redis's unix socket."""
        return self.own_folder("redis") / "redis.sock"

    def own_folder(self, child: str) -> Path:
        """Return the short folder that is a child's alone: its socket and temporary files."""
        return self.sockets / child

    def audit(self, child: str) -> Path:
        """Return the folder of a child's audit log."""
        return self.data / "audit" / child

    @property
    def floors(self) -> Path:
        """Return the file of the floors of bundles."""
        return self.data / "floors" / "floors.json"

    def redis_password(self, user: str) -> Path:
        """Return the file that holds a Redis user's password."""
        return self.keys / "redis" / f"{user}.key"

    def api_key(self, name: str) -> Path:
        """Return the file that holds an API key."""
        return self.keys / "api" / f"{name}.key"

    def terminal_socket(self, name: str) -> Path:
        """Return the path of a terminal's door."""
        return self.own_folder(name) / "door.sock"

    def settings(self, name: str) -> Path:
        """Return the path of a child's settings file."""
        return self.configuration(name) / "settings.json"

    def environment(self, child: str) -> Mapping[str, str]:
        """Return the whole environment of a child."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": str(self.data),
            "PYTHONPATH": self.pythonpath,
            "PYTHONSAFEPATH": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.own_folder(child)),
            "PYTHONUNBUFFERED": "1",
        }


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """<data>/run/endpoints.json: where this house answers. Paths and addresses, no secrets."""

    redis_socket: str
    mqtt_host: str
    mqtt_port: int
    mqtt_service_port: int
    verifier_url: str
    verifier_tls_url: str
    issuing_url: str
    fleet_url: str
    archive_url: str = ""
    feeds_url: str = ""
    workers: Mapping[str, str] = {}
    """A worker's name -> its own door: readiness and metrics, not shared with the others."""
    api_keys: Mapping[str, str]
    """Name -> path of the file that holds the key."""
    terminals: Mapping[str, str]
    """Name -> path of the terminal's unix socket."""


def endpoints(house: House) -> Endpoints:
    """Return where this house answers."""
    ports, near = house.ports, reached_at(house.terminals_host)
    return Endpoints(
        redis_socket=str(house.redis_socket),
        mqtt_host=near,
        mqtt_port=ports.mqtt,
        mqtt_service_port=ports.mqtt_service,
        verifier_url=f"http://{LOOPBACK}:{ports.verifier}",
        verifier_tls_url=f"https://{in_url(near)}:{ports.verifier_tls}",
        issuing_url=f"http://{LOOPBACK}:{ports.issuing}",
        fleet_url=f"http://{LOOPBACK}:{ports.fleet}",
        archive_url=f"http://{LOOPBACK}:{ports.archive}",
        feeds_url=f"http://{LOOPBACK}:{ports.feeds}",
        workers={
            f"worker-{number}": f"http://{LOOPBACK}:{port}"
            for number, port in enumerate(house.own_ports)
        },
        api_keys={API_KEY: str(house.api_key(API_KEY))},
        terminals={name: str(house.terminal_socket(name)) for name in TERMINALS},
    )


def write_endpoints(house: House) -> Endpoints:
    """Write endpoints.json and return what it says."""
    found = endpoints(house)
    write_file(house.run / "endpoints.json", msgspec.json.format(msgspec.json.encode(found)))
    return found


def read_endpoints(data: Path) -> Endpoints | None:
    """Return where the house on this data folder answers, or None when it was never up.

    Raises:
        PermissionError: the folder belongs to another account.
    """
    try:
        return msgspec.json.decode((data / "run" / "endpoints.json").read_bytes(), type=Endpoints)
    except (FileNotFoundError, msgspec.DecodeError):
        return None

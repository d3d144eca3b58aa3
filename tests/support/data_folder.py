"""Data folders without a house: as a first start makes them, or only saying where one answers."""

from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local import trust
from deploy.local.data import FOLDERS
from deploy.local.house import Endpoints

NOWHERE: Final = "http://127.0.0.1:1"
"""Nobody listens on a port that low."""


def made(folder: Path) -> Path:
    """Make one and return it."""
    data = folder / "data"
    for name in FOLDERS:
        (data / name).mkdir(parents=True)
    trust.make_signing_keys(data)
    trust.make_root(data)
    trust.make_trust_source(data)
    return data


def endpoints(**known: Any) -> Endpoints:
    """Return where a house would answer: `known`, and nowhere else."""
    nowhere: dict[str, Any] = {
        "redis_socket": "",
        "mqtt_host": "",
        "mqtt_port": 1,
        "mqtt_service_port": 1,
        "verifier_url": NOWHERE,
        "verifier_tls_url": NOWHERE,
        "issuing_url": NOWHERE,
        "fleet_url": NOWHERE,
        "api_keys": {},
        "terminals": {},
    }
    return Endpoints(**nowhere | known)


def issuing_at(data: Path, port: int, key: str) -> None:
    """Make a data folder by which commands find an issuing process and its administrator's key."""
    _told(data, key, issuing_url=f"http://127.0.0.1:{port}")


def feeds_at(data: Path, port: int, key: str) -> None:
    """Make a data folder by which commands find a feeds process and its administrator's key."""
    _told(data, key, feeds_url=f"http://127.0.0.1:{port}")


def _told(data: Path, key: str, **urls: str) -> None:
    (data / "run").mkdir(parents=True, exist_ok=True)
    path = data / "admin.key"
    path.write_text(key)
    told = endpoints(api_keys={"local-admin": str(path)}, **urls)
    (data / "run" / "endpoints.json").write_bytes(msgspec.json.encode(told))

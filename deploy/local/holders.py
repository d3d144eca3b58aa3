"""Which process may read which secret of the data folder: the one table (docs/keys.md explains it).

A file that no row names is nobody's: a new key is unreadable until somebody decides whose it is.
People's own commands (`kapok trust rotate`) are not confined; they run as the account or as root.
"""

from collections.abc import Mapping
from typing import Final

from deploy.local.house import TERMINALS

ISSUING: Final = "issuing"
FEEDS: Final = "feeds"
ARCHIVE: Final = "archive"
WORKER: Final = "worker"
FLEET: Final = "fleet"
BROKER: Final = "mosquitto"
STORE: Final = "redis"
NOBODY: Final[frozenset[str]] = frozenset()

HOLDERS: Final[Mapping[str, frozenset[str]]] = {
    # Signing keys; the pattern takes in the next and the old one of a rotation.
    "keys/root.*pem": NOBODY,
    "keys/bundle.*pem": frozenset({ISSUING}),
    "keys/issuer.*pem": frozenset({ISSUING}),
    "keys/status.*pem": frozenset({ISSUING}),
    "keys/grant.*pem": frozenset({FLEET}),
    "keys/operator.*pem": frozenset({FLEET}),
    "keys/export.*pem": frozenset({FEEDS}),
    # What hashes persons
    "keys/person-hash": frozenset({ISSUING, WORKER, ARCHIVE}),
    "keys/reference.key": frozenset({ISSUING, FEEDS}),
    # What says that a change of a plane is the issuing process's
    "keys/changes.key": frozenset({ISSUING}),
    # TLS
    "keys/service-ca.pem": NOBODY,
    "keys/terminal-ca.pem": NOBODY,
    "keys/service-ca.crt.pem": frozenset({WORKER, FLEET, BROKER}),
    "keys/terminal-ca.crt.pem": frozenset({WORKER, FLEET, BROKER}),
    "keys/terminal-ca.crl.pem": frozenset({BROKER}),
    "keys/broker.*pem": frozenset({BROKER}),
    "keys/verifier-https.*pem": frozenset({WORKER}),
    "keys/fleet-mqtt-client.*pem": frozenset({FLEET}),
    "keys/supervisor-mqtt-client.*pem": NOBODY,
    # Passwords and keys of doors
    "keys/redis/loader.key": NOBODY,
    "keys/redis/status.key": NOBODY,
    "keys/redis/worker.key": frozenset({WORKER}),
    "keys/redis/issuing.key": frozenset({ISSUING}),
    "keys/redis/feeds.key": frozenset({FEEDS}),
    "keys/redis/archive.key": frozenset({ARCHIVE}),
    "keys/redis/fleet.key": frozenset({FLEET}),
    "keys/api/local-admin.key": NOBODY,
    "keys/api/verifier.key": frozenset({WORKER}),
    "keys/api/fleet.key": frozenset({FLEET}),
    "keys/operators/*.key": NOBODY,
    "keys/feeds/*.pem": NOBODY,
    # Folders that are one process's alone
    "redis": frozenset({STORE}),
    "records": frozenset({ARCHIVE}),
    **{f"terminals/{name}": frozenset({name}) for name in TERMINALS},
}
"""Pattern below the data folder (files, or a folder with all in it) to the roles that read it."""


def role_of(child: str) -> str:
    """Return the role of a child: workers have one between them."""
    return WORKER if child.startswith(f"{WORKER}-") else child


def secrets_of(child: str) -> tuple[str, ...]:
    """Return the patterns, below the data folder, of the secrets that a child may read."""
    role = role_of(child)
    return tuple(pattern for pattern, roles in HOLDERS.items() if role in roles)

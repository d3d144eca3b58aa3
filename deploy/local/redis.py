"""The configuration of our Redis: a unix socket, one user for each role, every write on disk.

Only text is made here. An acknowledged write survives kill -9 and power loss because of
`appendfsync always`; services and their readiness refuse a Redis without it.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.store_users import USERS

DEFAULT_USER: Final = "user default off resetpass ~* &* +@all"
"""Nobody can log in as it, but it needs its rights: Redis 7.0 replays transactions and functions
of the append-only file as the default user, and silently drops what that user may not do."""


def configuration(*, socket: Path, folder: Path, acl: Path) -> str:
    """Return the text of redis.conf."""
    lines = (
        "port 0",
        f"unixsocket {quoted(socket)}",
        f"dir {quoted(folder)}",
        f"aclfile {quoted(acl)}",
        "appendonly yes",
        "appendfsync always",
        # While the file is rewritten too: the promise has no pauses.
        "no-appendfsync-on-rewrite no",
        # The append-only file is the one copy; snapshots would only cost memory and disk.
        'save ""',
        # What does not fit must fail, not push out what was acknowledged.
        "maxmemory-policy noeviction",
        # The index of scans is kept in small hashes; a busy zone's stay packed with this.
        "hash-max-listpack-entries 512",
        "daemonize no",
        'logfile ""',
    )
    return "\n".join(lines) + "\n"


def access_list(passwords: Mapping[str, str]) -> str:
    """Return the text of the ACL file: hashes of the passwords, so the file holds no secret."""
    lines = [DEFAULT_USER]
    for name, rules in USERS.items():
        digest = hashlib.sha256(passwords[name].encode()).hexdigest()
        lines.append(f"user {name} on #{digest} {rules}")
    return "\n".join(lines) + "\n"


def quoted(path: Path) -> str:
    """Return a path as Redis reads it, spaces and quotes included."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

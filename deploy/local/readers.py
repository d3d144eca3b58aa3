"""Which process reads what of the data folder beside secrets: the one table (docs/keys.md).

Secrets stand in `deploy.local.holders`. What a process keeps (`deploy.local.writers`) it reads too,
and so what it was handed: its settings and its credentials. The rest of the data folder is closed
to it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.holders import ARCHIVE, FEEDS, FLEET, ISSUING, WORKER, role_of
from deploy.local.house import TERMINALS, House

READERS: Final[Mapping[str, frozenset[str]]] = {
    "trust": frozenset({ISSUING, WORKER, ARCHIVE, *TERMINALS}),
    "profiles": frozenset({ISSUING}),
    "rules": frozenset({ISSUING}),
    "cards": frozenset({ISSUING}),
    "feeds": frozenset({ISSUING, FEEDS}),
    "registry": frozenset({FLEET}),
}
"""Folder below the data folder -> the roles that read it, and all below."""


def reads_of(house: House, child: str) -> tuple[Path, ...]:
    """Return the folders that a child reads beside its secrets and what it keeps."""
    role = role_of(child)
    found = [house.data / folder for folder, roles in READERS.items() if role in roles]
    return (*found, house.settings(child).parent, house.credentials(child))

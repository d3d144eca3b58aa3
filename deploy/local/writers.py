"""Which process may write where: the one table (docs/keys.md explains it).

What no row names is written by no child: settings, trust, profiles, registries, keys, logs (a
child's own log is handed to it open). `kapok up` and people's commands write those; they are not
confined. Every child has two folders of its own beside these: its audit log's, and its short one
for a socket and for temporary files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.child import Writing
from deploy.local.holders import ARCHIVE, FEEDS, FLEET, ISSUING, STORE, WORKER, role_of
from deploy.local.house import TERMINALS, House

WRITERS: Final[Mapping[str, Mapping[str, Writing]]] = {
    "redis": {STORE: Writing.KEEP},
    # Issuing makes the key of a day; archive destroys it with the day's records.
    "keys/person-hash": {ISSUING: Writing.KEEP, ARCHIVE: Writing.REMOVE},
    "destructions": {ISSUING: Writing.KEEP},
    "signed": {ISSUING: Writing.KEEP},
    "floors": {ISSUING: Writing.KEEP, WORKER: Writing.KEEP},
    "grants": {FLEET: Writing.KEEP},
    "feeds/spool": {FEEDS: Writing.KEEP},
    "records": {ARCHIVE: Writing.KEEP},
    **{f"terminals/{name}/state": {name: Writing.KEEP} for name in TERMINALS},
}
"""Folder below the data folder -> role -> what it may do there, and in all below."""
AUDITED: Final = frozenset({ISSUING, WORKER, FEEDS, ARCHIVE, FLEET})
"""Roles that write an audit log."""


def writes_of(house: House, child: str) -> dict[Path, Writing]:
    """Return the folders that a child may write to, made where they are missing."""
    role = role_of(child)
    found = {house.data / folder: roles[role] for folder, roles in WRITERS.items() if role in roles}
    if role in AUDITED:
        found[house.audit(child)] = Writing.KEEP
    found[house.own_folder(child)] = Writing.KEEP
    return found

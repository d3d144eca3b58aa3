"""Secrets that are only random: Redis passwords, API keys, the reference key.

Each is one file of mode 0600 in <data>/keys, made on the first start; services are given the
digest of an API key, never the key.
"""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import write_file
from deploy.local.errors import UsageError
from deploy.local.store_users import USERS
from verifier.contract.vocabulary import ONLY_OPERATORS, ApiScope
from verifier.issuing.change_seal import SEAL_KEY_BYTES
from verifier.issuing.persons import REFERENCE_KEY_BYTES

SECRET_BYTES: Final = 32
"""256 bits; 43 url-safe characters."""

API_KEYS: Final[Mapping[str, tuple[ApiScope, ...]]] = {
    "local-admin": tuple(scope for scope in ApiScope if scope not in ONLY_OPERATORS),
    "verifier": (ApiScope.GRANTS,),
    "fleet": (ApiScope.BUNDLES,),
}
"""Name -> what it opens: to people on this machine; to workers at the fleet; to the fleet at
the verifier."""


class ApiKeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a service is told of an API key."""

    name: str
    sha256: str
    scopes: tuple[ApiScope, ...]


def make_redis_passwords(data: Path) -> None:
    """Make a password for each of Redis's users."""
    for user in USERS:
        _make_once(data / "keys" / "redis" / f"{user}.key", secrets.token_urlsafe(SECRET_BYTES))


def make_api_keys(data: Path) -> None:
    """Make the API keys: `kapok_<name>_<43 characters>`."""
    for name in API_KEYS:
        secret = f"kapok_{name}_{secrets.token_urlsafe(SECRET_BYTES)}"
        _make_once(data / "keys" / "api" / f"{name}.key", secret)


def make_reference_key(data: Path) -> None:
    """Make the key under which references of persons are hashed."""
    path = data / "keys" / "reference.key"
    if not path.exists():
        write_file(path, secrets.token_bytes(REFERENCE_KEY_BYTES))


def make_change_key(data: Path) -> None:
    """Make the key under which the issuing process seals changes of planes."""
    path = data / "keys" / "changes.key"
    if not path.exists():
        write_file(path, secrets.token_bytes(SEAL_KEY_BYTES))


def redis_passwords(data: Path) -> Mapping[str, str]:
    """Read the passwords of Redis's users."""
    return {user: read_secret(data / "keys" / "redis" / f"{user}.key") for user in USERS}


def api_key_entries(data: Path) -> tuple[ApiKeyEntry, ...]:
    """Return what every service may know of the API keys."""
    entries = []
    for name, scopes in API_KEYS.items():
        secret = read_secret(data / "keys" / "api" / f"{name}.key")
        digest = hashlib.sha256(secret.encode()).hexdigest()
        entries.append(ApiKeyEntry(name=name, sha256=digest, scopes=scopes))
    return tuple(entries)


def read_secret(path: Path) -> str:
    """Read a secret's file.

    Raises:
        UsageError: it is empty, or holds something else.
        OSError: it is missing or closed to us.
    """
    try:
        secret = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret:  # nobody may enter with the digest of nothing
        raise UsageError(f"{path} holds no secret; restore it from the copy")
    return secret


def _make_once(path: Path, secret: str) -> None:
    if not path.exists():
        write_file(path, f"{secret}\n".encode())

"""The files of trust in a data folder: read, written as the folder's owner, one editor at a time.

trust/trust.json    the trust source: what the issuing process signs into the trust bundle
trust/root.cbor     the root file; earlier ones stay beside it as root-<version>.cbor
keys/<name>.pem     a key; <name>.next.pem the one that follows it, <name>.old.pem the one before
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from deploy.local import pidfile
from deploy.local.account import acting_as_owner, open_named
from deploy.local.data import write_file
from deploy.local.disk_errors import closed
from deploy.local.errors import UsageError
from verifier.contract.errors import MalformedError
from verifier.issuing import signing_key
from verifier.issuing.publisher import TrustSource
from verifier.issuing.signing_key import SigningKey

MAX_SOURCE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a trust source; 4,096 keys take 3 MB."""
MAX_KEY_BYTES: Final = 16 * 1024
"""Bytes of a key file."""
ISSUING: Final = "issuing"
"""Name of the child that reads the trust source and the root file."""


def source_path(data: Path) -> Path:
    """Return the path of the trust source."""
    return data / "trust" / "trust.json"


def root_path(data: Path) -> Path:
    """Return the path of the root file."""
    return data / "trust" / "root.cbor"


def key_path(data: Path, name: str) -> Path:
    """Return the path of a key."""
    return data / "keys" / f"{name}.pem"


@contextmanager
def editing(data: Path) -> Iterator[None]:
    """Act as the data folder's owner, alone: another editor waits for its turn.

    Raises:
        UsageError: no data folder of a house, or one that this account may not change.
    """
    try:
        with acting_as_owner(data):
            descriptor = os.open(data / "trust", os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
    except FileNotFoundError as error:
        raise UsageError(
            f"{data} is no data folder of a house (no {error.filename}); name it with --data"
        ) from error
    except PermissionError as error:
        raise UsageError(closed(data)) from error


def read_source(data: Path) -> TrustSource:
    """Read the trust source.

    Raises:
        UsageError: it is missing, or not what the issuing process could read.
    """
    path = source_path(data)
    try:
        return msgspec.json.decode(read(path, MAX_SOURCE_BYTES), type=TrustSource)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}") from error


def write_source(data: Path, source: TrustSource) -> None:
    """Replace the trust source, whole or not at all."""
    write_file(source_path(data), msgspec.json.format(msgspec.json.encode(source)) + b"\n")


def read_key(path: Path) -> SigningKey:
    """Read a private key.

    Raises:
        UsageError: it is missing, or none that we sign with.
    """
    try:
        return signing_key.load(read(path, MAX_KEY_BYTES))
    except MalformedError as error:
        raise UsageError(f"{path}: {error}") from error


def read(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        UsageError: it cannot be read, or is longer.
    """
    try:
        with open_named(path) as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > limit:
        raise UsageError(f"{path}: longer than {limit} bytes")
    return content


def tell(data: Path, child: str, number: signal.Signals) -> int | None:
    """Signal a child of the house that runs on this folder; return its pid, None when none does."""
    process = pidfile.find(data / "run" / "children.json", child)
    return process.pid if process is not None and pidfile.send(process, number) else None

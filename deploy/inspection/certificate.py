"""A certificate of destruction: whether it holds, and whether anything of its plane is left.

The search reads every file of a data folder, the store's own and the terminals' among them, for the
traces that `verifier.contract.destruction` names; what it cannot find is said there.
"""

import asyncio
import mmap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.inspection.knowledge import from_source, pinned
from deploy.local.account import open_named
from deploy.local.doors import opened
from deploy.local.errors import AwayError, LocalError, UsageError
from verifier.contract.destruction import MAX_CERTIFICATE_BYTES, Destruction, traces
from verifier.errors import BundleRefused


class Certified(NamedTuple):
    """A certificate that holds."""

    document: Destruction
    notes: tuple[str, ...]
    """What it was held to, where that is not a running house's trust."""


def read_certificate(path: Path, data: Path) -> Certified:
    """Verify a certificate by the trust of the house on a data folder.

    Raises:
        UsageError: the file, or the data folder, cannot be read.
        LocalError: the certificate does not hold.
    """
    try:
        with open_named(path) as file:
            content = file.read(MAX_CERTIFICATE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    trusted, now = pinned(data), time.time()
    notes: tuple[str, ...] = ()
    try:
        trusted.take_trust(asyncio.run(_trust(data)), now, held=True)
    except (AwayError, UsageError):
        found = from_source(data)
        trusted.trust, notes = found.known.trust, ("no house answers: keys of its trust source",)
    except BundleRefused as error:
        raise LocalError(f"the house's trust bundle is refused: {error}") from error
    try:
        return Certified(trusted.take_destruction(content, now, held=True), notes)
    except BundleRefused as error:
        raise LocalError(f"{path} is refused: {error} ({error.cause})") from error


async def _trust(data: Path) -> bytes:
    async with opened(data) as doors:
        return await doors.bundle("trust")


def remains(data: Path, document: Destruction) -> Iterator[Path]:
    """Yield the files below a folder in which something of the plane stands.

    Raises:
        UsageError: a file cannot be read, so nothing can be said of it.
    """
    pattern = traces(document.list, document.plane)
    for path in sorted(data.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                if not size:
                    continue
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    if pattern.search(content) is not None:
                        yield path
        except FileNotFoundError:  # a running house renames and removes
            continue
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be searched; run this as its owner or root") from error

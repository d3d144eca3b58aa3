"""Lists of signers from files and folders, read whole; what each offers, what it cannot.

A file's own content says what it is; names and endings do not count.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.errors import UsageError
from deploy.trusting.store import read
from verifier.trust.lists import MAX_LIST_BYTES, Offer, Unusable, read_signers

MAX_FILES: Final = 4096
"""Files of a folder of keys; a folder of another kind is found out before it is read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What files offered."""

    offers: tuple[Offer, ...]
    unusable: tuple[Unusable, ...]


def read_files(paths: tuple[Path, ...]) -> Files:
    """Read lists of signers from files, and from the files of folders, folders inside them too.

    Raises:
        UsageError: a path that cannot be read.
    """
    offers: list[Offer] = []
    unusable: list[Unusable] = []
    for path in paths:
        for file in _files(path):
            name = str(file.relative_to(path)) if path.is_dir() else file.name
            found = read_signers(read(file, MAX_LIST_BYTES), name)
            offers += found.offers
            unusable += found.unusable
    return Files(offers=tuple(offers), unusable=tuple(unusable))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found: list[Path] = []
    for file in path.rglob("*"):
        if file.is_file() and not any(
            part.startswith(".") and part != ".well-known" for part in file.relative_to(path).parts
        ):
            found.append(file)
        if len(found) > MAX_FILES:
            raise UsageError(f"{path}: more than {MAX_FILES} files; is this a folder of keys?")
    if not found:
        raise UsageError(f"{path}: a folder without files")
    return sorted(found)

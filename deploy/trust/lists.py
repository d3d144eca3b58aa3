"""Lists of signers and of revoked cards from files and folders; what each offers, what it cannot.

A file's own content says what it is; names and endings do not count.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.account import as_caller
from deploy.local.errors import UsageError
from deploy.trust.cards import FoundList
from deploy.trust.store import read
from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import read_json
from verifier.status.rids import MAX_CARD_LIST_BYTES, is_card_list, read_card_list_file
from verifier.trust.jwk import thumbprint_of
from verifier.trust.list_entry import Unusable
from verifier.trust.lists import Offer, read_signers, without_mark

MAX_FILES: Final = 4096
"""Files of a folder of keys; a folder of another kind is found out before it is read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What files offered."""

    offers: tuple[Offer, ...]
    unusable: tuple[Unusable, ...]
    lists: tuple[FoundList, ...] = ()
    """Revocation lists of health cards."""
    notes: tuple[str, ...] = ()
    """What files say of themselves."""

    def stated_lists(self) -> dict[str, int]:
        """Return which revocation list the key sets say there is, by kid; of several the newest."""
        found: dict[str, int] = {}
        for offer in self.offers:
            if offer.card_list:
                kid = offer.card_kid or thumbprint_of(offer.public)
                found[kid] = max(offer.card_list, found.get(kid, 0))
        return found


def read_files(paths: tuple[Path, ...]) -> Files:
    """Read lists from files, and from the files of folders, folders inside them too.

    Raises:
        UsageError: a path that cannot be read.
    """
    offers: list[Offer] = []
    unusable: list[Unusable] = []
    lists: list[FoundList] = []
    notes: list[str] = []
    for path in paths:
        with as_caller(path):
            listed, folder = _files(path), path.is_dir()
        for file in listed:
            name = str(file.relative_to(path)) if folder else file.name
            content = without_mark(read(file, MAX_CARD_LIST_BYTES))
            if _is_card_list(content):
                try:
                    lists.append(FoundList(where=name, list=read_card_list_file(content)))
                except MalformedError as error:
                    unusable.append(Unusable(where=name, why=str(error)))
                continue
            found = read_signers(content, name)
            offers += found.offers
            unusable += found.unusable
            notes += [f"{name}: {found.note}"] if found.note else []
    return Files(
        offers=tuple(offers), unusable=tuple(unusable), lists=tuple(lists), notes=tuple(notes)
    )


def _is_card_list(content: bytes) -> bool:
    if b'"rids"' not in content:
        return False
    try:
        return is_card_list(read_json(content.strip()))
    except MalformedError:
        return False


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
        raise UsageError(f"{path}: an empty folder; name one with files")
    return sorted(found)

"""Entries that an import offers, beside those that a trust source has: which of them are the same.

Two entries are of one name when formats, public key and kid are. Of one name there may be many: a
key that a directory states under 161 issuers is 161 entries, and each has a window of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from verifier.contract.bundle import KeyEntry

_Name = tuple[tuple[str, ...], bytes, bytes | None]
"""Formats, public key and kid."""


class EntryPair(NamedTuple):
    """What an import makes of an entry; None before: it is new; None after: it goes."""

    before: KeyEntry | None
    after: KeyEntry | None
    offered: bool
    """Whether the import speaks of it."""


_ALIKE: Final[tuple[Callable[[KeyEntry, KeyEntry], bool], ...]] = (
    lambda old, new: old == new,
    lambda old, new: old.issuer == new.issuer,
    lambda old, new: None in (old.issuer, new.issuer),
)
"""What makes two entries of one name one: the first that holds. The last: one that is bound to no
issuer becomes the same key's for one issuer, and back, since the newest list decides."""


def paired(
    present: Sequence[KeyEntry], offered: Sequence[KeyEntry], *, replace: bool
) -> tuple[EntryPair, ...]:
    """Pair entries; with `replace`, those of the offered formats that are not offered go."""
    before, after = _by_name(present), {n: _bound(e) for n, e in _by_name(offered).items()}
    formats = {formats for formats, _, _ in after}
    pairs: list[EntryPair] = []
    for name in (*before, *(name for name in after if name not in before)):
        gone = replace and name[0] in formats
        pairs += _of_one_name(before.get(name, []), after.get(name, []), gone=gone)
    return tuple(pairs)


def _by_name(entries: Iterable[KeyEntry]) -> dict[_Name, list[KeyEntry]]:
    """Sort entries by name, each once."""
    found: dict[_Name, list[KeyEntry]] = {}
    for entry in entries:
        same = found.setdefault((entry.formats, entry.spki, entry.kid), [])
        if entry not in same:
            same.append(entry)
    return found


def _bound(offered: list[KeyEntry]) -> list[KeyEntry]:
    """Leave out what binds nobody where another list of the same import says whose key it is."""
    bound = [entry for entry in offered if entry.issuer is not None]
    return bound or offered


def _of_one_name(
    before: Sequence[KeyEntry], offered: Sequence[KeyEntry], *, gone: bool
) -> Iterator[EntryPair]:
    left, coming = list(before), list(offered)
    for alike in _ALIKE:
        for old in tuple(left):
            new = next((new for new in coming if alike(old, new)), None)
            if new is not None:
                left.remove(old)
                coming.remove(new)
                yield EntryPair(old, new, offered=True)
    yield from (EntryPair(old, None if gone else old, offered=False) for old in left)
    yield from (EntryPair(None, new, offered=True) for new in coming)

"""Revocation of SMART Health Cards by id (framework 1.4, "Revocation").

An issuer's list names, for one of its keys, the ids of revoked cards: `rid` revokes every card of
that id, `rid.seconds` those issued before that second (`nbf` earlier).
"""

import math
import re
from collections.abc import Iterable
from typing import Final

from verifier.contract.errors import MalformedError

MAX_RIDS: Final = 1_000_000
"""Entries of one list, 100 MB of memory; who revokes more revokes the key."""

_ENTRY: Final = re.compile(r"([A-Za-z0-9_-]{1,24})(?:\.([0-9]{1,12}))?")


class RevokedCards:
    """Revoked cards of one key; immutable."""

    __slots__ = ("_before",)

    def __init__(self, entries: Iterable[str]) -> None:
        """Read the entries of a list; of several for one id the widest counts.

        Raises:
            MalformedError: an entry that is neither `rid` nor `rid.seconds`, or too many.
        """
        before: dict[str, float] = {}
        for entry in entries:
            found = _ENTRY.fullmatch(entry)
            if found is None or len(before) >= MAX_RIDS:
                raise MalformedError("not an entry of a revocation list")
            until = math.inf if found[2] is None else int(found[2])
            before[found[1]] = max(until, before.get(found[1], 0))
        self._before = before

    def revokes(self, rid: str, not_before: float) -> bool:
        """Say whether a card of this id, valid from `not_before` (Unix seconds), is revoked."""
        return not_before < self._before.get(rid, 0)

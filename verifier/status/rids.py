"""Revocation of SMART Health Cards by id (framework 1.4, "Revocation").

An issuer's list names, for one of its keys, the ids of revoked cards: `rid` revokes every card of
that id, `rid.seconds` those issued before that second (`nbf` earlier). It is published under
`<iss>/.well-known/crl/<kid>.json` with a counter that only rises; we carry it on in a bundle.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from verifier.contract.bundle import CardsDocument
from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import read_json

MAX_RIDS: Final = 1_000_000
"""Entries of one list, 100 MB of memory; who revokes more revokes the key."""

MAX_ALL_RIDS: Final = 1_500_000
"""Entries of all lists together; a bundle holds 2,000,000 items and 32 MiB."""
MAX_CARD_LIST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a list as published: a million entries."""
MAX_COUNTER: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps."""
_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""A thumbprint: SHA-256 in base64url; a key of cards is found by no other name."""
_MEMBERS: Final = frozenset({"kid", "method", "ctr", "rids"})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CardList:
    """An issuer's list as it publishes it."""

    kid: str
    counter: int
    """`ctr`: rises with each change."""
    entries: tuple[str, ...]

    def published(self) -> dict[str, Any]:
        """Return it as the JSON object that it came as."""
        return {"kid": self.kid, "method": "rid", "ctr": self.counter, "rids": list(self.entries)}


def is_card_list(value: Any) -> bool:
    """Say whether a JSON value means to be a revocation list of health cards."""
    return isinstance(value, dict) and "rids" in value


def read_card_list(value: Any) -> CardList:
    """Read a revocation list as its issuer publishes it: a JSON value.

    Raises:
        MalformedError: with what is wrong.
    """
    if not isinstance(value, dict) or value.keys() != _MEMBERS:
        raise MalformedError("not an object of kid, method, ctr and rids")
    kid, counter, rids = value["kid"], value["ctr"], value["rids"]
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        raise MalformedError("its kid is no thumbprint")
    if value["method"] != "rid":
        raise MalformedError("a method that is not rid")
    if type(counter) is not int or not 1 <= counter <= MAX_COUNTER:
        raise MalformedError("its ctr is no whole number from 1")
    if not isinstance(rids, list) or not all(isinstance(entry, str) for entry in rids):
        raise MalformedError("its rids are no list of texts")
    RevokedCards(rids)
    return CardList(kid=kid, counter=counter, entries=tuple(rids))


def read_card_list_file(data: bytes) -> CardList:
    """Read a list from the bytes of a file: JSON, white space around it allowed.

    Raises:
        MalformedError: with what is wrong.
    """
    return read_card_list(read_json(data.strip(b" \t\r\n")))


def open_cards(document: CardsDocument) -> Mapping[str, RevokedCards]:
    """Turn a verified document into what health cards are looked up in, by kid.

    Raises:
        MalformedError: a kid or an entry that is none, or too many.
    """
    if not all(map(_KID.fullmatch, document.lists)):
        raise MalformedError("a kid that is no thumbprint")
    if sum(map(len, document.lists.values())) > MAX_ALL_RIDS:
        raise MalformedError("more entries than a bundle may have")
    return {kid: RevokedCards(entries) for kid, entries in document.lists.items()}

"""Who holds how many of a door's connections: bounded in all, and for each caller.

Until it has authenticated, a connection counts for the address that it comes from; then for the
terminal, API key or operator. So a caller that opens more than it may competes with itself alone:
where a connection is one too many, the oldest idle one of the same share is ended for it.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final, Protocol

MAX_CONNECTIONS: Final = 4096
"""Open connections of one door; about 20 KB each."""
MAX_CALLER_CONNECTIONS: Final = 2048
"""Open connections of one caller at one door: half, so that others always have room."""
LOOKED_AT: Final = 64
"""Connections that are looked at to find an idle one; past them the newest is refused."""
_PEER: Final = "peer:"


class HeldConnection(Protocol):
    """A connection, as far as its place is concerned."""

    @property
    def idle(self) -> bool:
        """Whether no request is being answered on it."""

    def cut(self) -> None:
        """End it at once."""


class ConnectionShares:
    """The open connections of a door, by whom they count for."""

    def __init__(self, most: int = MAX_CONNECTIONS, a_caller: int = MAX_CALLER_CONNECTIONS) -> None:
        self._most = most
        self._a_caller = a_caller
        self._shares: dict[HeldConnection, str] = {}
        self._groups: dict[str, dict[HeldConnection, None]] = {}

    def join(self, connection: HeldConnection, share: str) -> bool:
        """Take in a new connection, in the place of an idle one if need be; False: no room."""
        own = self._groups.get(share, {})
        if len(own) >= self._a_caller and not self._end_one((own,)):
            return False
        if len(self._shares) >= self._most:
            strangers = (group for name, group in self._groups.items() if name.startswith(_PEER))
            if not self._end_one((own,)) and not self._end_one(tuple(strangers)):
                return False
        self._put(connection, share)
        return True

    def move(self, connection: HeldConnection, share: str) -> bool:
        """Count a connection for who has authenticated on it; False: its share is used up.

        Where the share is full, its oldest idle connection is ended for the new one.
        """
        if connection not in self._shares or self._shares[connection] == share:
            return True
        own = self._groups.get(share, {})
        if len(own) >= self._a_caller and not self._end_one((own,)):
            return False
        self.leave(connection)
        self._put(connection, share)
        return True

    def leave(self, connection: HeldConnection) -> None:
        """Forget a connection that has ended."""
        share = self._shares.pop(connection, None)
        if share is not None:
            group = self._groups[share]
            del group[connection]
            if not group:
                del self._groups[share]

    def count(self, share: str) -> int:
        """Return how many connections count for a share."""
        return len(self._groups.get(share, ()))

    def _put(self, connection: HeldConnection, share: str) -> None:
        self._shares[connection] = share
        self._groups.setdefault(share, {})[connection] = None

    def _end_one(self, groups: Iterable[dict[HeldConnection, None]]) -> bool:
        """End the oldest idle connection of some shares; False: none was found."""
        for group in groups:
            for connection in islice(group, LOOKED_AT):
                if connection.idle:
                    self.leave(connection)
                    connection.cut()
                    return True
        return False


def peer_share(peername: Any) -> str:
    """Return for whom a connection counts that has not authenticated: the address behind it."""
    return f"{_PEER}{peername[0]}" if isinstance(peername, tuple) and peername else _PEER

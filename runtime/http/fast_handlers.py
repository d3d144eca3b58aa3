"""What the connections of a door share."""

from collections.abc import Callable, Mapping
from typing import Any

from runtime.http.access import Caller
from runtime.http.lane import Lane
from runtime.http.limits import Refusals
from runtime.http.problems import Problem
from runtime.http.shares import ConnectionShares


class FastHandlers:
    """What a door's connections share: fast handlers by path, and who a key names."""

    __slots__ = ("bars", "failed", "handlers", "named", "refusals", "shares", "store_name")

    def __init__(
        self,
        handlers: Mapping[str, Lane[Any]],
        named: Callable[[str], Caller] | None,
        failed: Callable[[Exception], Problem],
        store_name: Callable[[], str | None],
        shares: ConnectionShares,
        bars: Callable[[Caller], Problem | None] = lambda _: None,
        refusals: Refusals | None = None,
    ) -> None:
        self.shares = shares
        self.refusals = Refusals() if refusals is None else refusals
        self.bars = bars
        """Why the peer of a certificate may not be here, or no longer; None: it may."""
        self.handlers = handlers
        self.store_name = store_name
        """Goes out with every answer, where the store has a name."""
        self.named = named
        """None: the connection's certificate names the caller."""
        self.failed = failed
        """Counts and logs what a handler raised, and returns what the caller is told."""

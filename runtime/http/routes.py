"""A route: a method and path, and what answers there. A service is a table of routes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from runtime.http.access import Caller
from runtime.http.lane import Lane

Handler = Callable[[web.BaseRequest, Caller | None, str], Awaitable[web.StreamResponse]]
"""Takes the request, who calls (None: nobody was asked), and the variable part of the path.

Of several variable segments it is given all, with a slash between them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path; each `{}` in the path stands for one variable segment."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    """Nobody is asked who they are: health and metrics."""
    lane: Lane[Any] | None = None
    """Answers the same requests when they are plain and whole."""

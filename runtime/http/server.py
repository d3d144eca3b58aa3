"""The server behind a door: aiohttp's, with connections of ours."""

from typing import Any

from aiohttp import web

from runtime.http.connection import Connection
from runtime.http.fast_handlers import FastHandlers


class Server(web.Server):
    """aiohttp's low-level server with connections of ours."""

    def __init__(self, *args: Any, lanes: FastHandlers, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lanes = lanes

    def __call__(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self, loop=self._loop, lanes=self._lanes, **self._kwargs)

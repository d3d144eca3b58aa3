"""GET /v1/grants?after=N&wait=SECONDS: signed grants, newest a terminal. Scope `grants`."""

from base64 import b64encode
from typing import Final

from aiohttp import web
from msgspec import Struct

from fleet.service.app import Fleet
from runtime.http.access import Caller
from runtime.http.bodies import json_response
from runtime.http.limits import ConcurrencyLimit
from runtime.http.queries import numbers
from runtime.http.routes import Handler

MAX_WAIT_S: Final = 25
"""Longest a follower may wait for something new."""
MAX_POLLS: Final = 256
"""Followers that wait at once; each holds a connection and a timer."""
MAX_CALLER_POLLS: Final = 64
"""Of them, those of one caller: the workers of a verifier share a key."""
PAGE: Final = 1000
"""Grants in an answer; a follower asks again with the version it was given."""
_LARGEST: Final = 2**53 - 1
BOUNDS: Final = {"after": (0, 0, _LARGEST), "wait": (0, 0, MAX_WAIT_S)}


class GrantPage(Struct, frozen=True, kw_only=True):
    """Signed grants, ascending by version."""

    version: int
    """`after` of the next page."""
    grants: tuple[str, ...]
    """Base64."""


def grants_handler(fleet: Fleet) -> Handler:
    """Return the handler."""
    places = ConcurrencyLimit(MAX_POLLS, fleet.metrics, a_caller=MAX_CALLER_POLLS)

    async def get(request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer with grants, ascending by version."""
        query = numbers(request, BOUNDS)
        with places.one(caller.share):
            page = await fleet.granting.follow(
                query["after"], query["wait"], PAGE, lambda: _gone(request)
            )
        return json_response(
            GrantPage(
                version=page.version,
                grants=tuple(b64encode(grant).decode() for grant in page.signed),
            )
        )

    return get


def _gone(request: web.BaseRequest) -> bool:
    """Say whether the client has ended the connection that it waits on."""
    return request.transport is None or request.transport.is_closing()

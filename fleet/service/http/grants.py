"""GET /v1/grants?after=N&wait=SECONDS: signed grants, newest a terminal. Scope `grants`."""

from base64 import b64encode
from typing import Final

from aiohttp import web

from fleet.service.app import FLEET
from fleet.service.http.access import require
from fleet.service.http.numbers import number
from fleet.service.http.problems import answer
from verifier.contract.vocabulary import ApiScope

MAX_WAIT_S: Final = 25
"""Longest a follower may wait for something new."""
PAGE: Final = 1000
"""Grants in an answer; a follower asks again with the version it was given."""
_LARGEST: Final = 2**53 - 1


async def follow_grants(request: web.Request) -> web.Response:
    """Answer {"version": N, "grants": [base64, ...]}, ascending by version."""
    require(request, ApiScope.GRANTS)
    after = number(request, "after", default=0, lowest=0, highest=_LARGEST)
    wait = number(request, "wait", default=0, lowest=0, highest=MAX_WAIT_S)
    page = await request.app[FLEET].granting.follow(after, wait, PAGE)
    return answer(
        {"version": page.version, "grants": [b64encode(grant).decode() for grant in page.signed]}
    )

"""POST /v1/operator-tokens: an operator's own API key gives a token of a quarter of an hour.

It has no body. The key opens this door and no other. A token is in the audit log before it is
given.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from fleet.service.app import Fleet
from fleet.service.http.access import operator_of
from runtime.http.access import Caller
from runtime.http.audited import audited
from runtime.http.bodies import json_response
from runtime.http.limits import ConcurrencyLimit
from runtime.http.routes import Handler
from verifier.contract.audit import Act, AuditAction
from verifier.contract.operator import OperatorTokenAnswer

MAX_TOKENS: Final = 64
"""Tokens that are being given at once: each waits for the audit log's disk."""
MAX_PERSON_TOKENS: Final = 8
"""Of them, those of one operator: a person asks for one, and now and then for one more."""


def token_handler(fleet: Fleet) -> Handler:
    """Return the handler."""
    places = ConcurrencyLimit(MAX_TOKENS, fleet.metrics, a_caller=MAX_PERSON_TOKENS)

    async def post(request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        """Answer 201 with a token.

        Raises:
            Problem: 400 `body.unasked`, 401 `key.unknown`, 429 `caller.busy`,
                503 `audit.unavailable` or `system.busy`.
        """
        operating = fleet.operating
        operator, digest = operator_of(request, operating.operators)
        token = operating.make(operator)
        act = Act(
            action=AuditAction.TOKEN,
            person=token.person,
            by=f"key:{digest[:16]}",
            subject=f"token:{token.id}",
            after=",".join(token.roles),
            ref=token.id,
        )
        with places.one(operator.person):
            await audited(fleet.audit, act)
        made = OperatorTokenAnswer(
            token=operating.seal(token),
            person=token.person,
            roles=token.roles,
            district=token.district,
            place=token.place,
            expires=token.exp,
        )
        return json_response(made, HTTPStatus.CREATED)

    return post

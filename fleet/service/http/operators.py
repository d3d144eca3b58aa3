"""POST /v1/operator-tokens: an operator's own API key gives a token of a quarter of an hour.

It has no body. The key opens this door and no other. A token is in the audit log before it is
given.
"""

from http import HTTPStatus

from aiohttp import web

from fleet.service.app import FLEET
from fleet.service.http.access import audited, operator_of
from fleet.service.http.problems import ProblemError, answer
from verifier.contract.audit import Act, AuditAction
from verifier.contract.operator import OperatorTokenAnswer


async def issue_token(request: web.Request) -> web.Response:
    """Answer 201 with a token.

    Raises:
        ProblemError: 400 `body.unasked`, 401 `key.unknown`, 503 `audit.unavailable`.
    """
    operator, digest = operator_of(request)
    if request.can_read_body:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "body.unasked")
    operating = request.app[FLEET].operating
    token = operating.make(operator)
    act = Act(
        action=AuditAction.TOKEN,
        person=token.person,
        by=f"key:{digest[:16]}",
        subject=f"token:{token.id}",
        after=",".join(token.roles),
        ref=token.id,
    )
    await audited(request, act)
    made = OperatorTokenAnswer(
        token=operating.seal(token),
        person=token.person,
        roles=token.roles,
        district=token.district,
        place=token.place,
        expires=token.exp,
    )
    return answer(made, HTTPStatus.CREATED)

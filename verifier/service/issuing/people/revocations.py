"""POST /v1/credentials/INDEX/revoke: one credential is ended; others of the person live on.

By a service with the scope `issue`, or by an operator with the scope `revoke`: one person with a
reason, since it takes nobody's colour and a lost phone cannot wait. Each has a budget an hour
(`verifier.issuing.acts`). In the audit log before it is done.
"""

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct
from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.http import bodies
from runtime.http.access import Caller
from runtime.http.audited import audited
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from verifier.contract.audit import Act, AuditAction
from verifier.contract.revocation import Revocation, RevocationReason
from verifier.issuing.acts import BudgetedAct
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.indices import is_taken

MAX_BODY: Final = 1024
"""Bytes; one word."""
_INDEX_DIGITS: Final = 10


class RevokedAnswer(Struct, frozen=True, kw_only=True):
    """Which credential is revoked."""

    credential_index: int
    list: int


_REVOCATION: Final = msgspec.json.Decoder(Revocation)


class Revocations:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        settings: IssuingSettings,
        status: ListStatus,
        audit: AuditLog[Act],
        budgets: Budgets,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._status = status
        self._audit = audit
        self._budgets = budgets

    async def post(self, request: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        """Revoke a credential; one that is revoked stays so."""
        asked = bodies.decode(await read_json(request, MAX_BODY), _REVOCATION, MAX_BODY)
        list_number = self._settings.list
        with store_asked():
            index = await self._index(text)
            subject = f"credential:{list_number}:{index}"
            await self._budgets.spend(caller, BudgetedAct.REVOKE, subject)
            await audited(self._audit, revoke_act(caller, list_number, index, asked.reason))
            await self._status.revoke([index])
        return json_response(RevokedAnswer(credential_index=index, list=list_number))

    async def _index(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= _INDEX_DIGITS:
            index, list_number = int(text), self._settings.list
            if index < self._settings.credentials and await is_taken(
                self._redis, list_number, "credential", index
            ):
                return index
        raise Problem(HTTPStatus.NOT_FOUND, "credential.unknown")


def revoke_act(
    caller: Caller, list_number: int, credential: int, reason: RevocationReason, ref: str = ""
) -> Act:
    """Say who revokes what, and why."""
    return Act(
        action=AuditAction.REVOKE,
        person="" if caller.token is None else caller.token.person,
        by=caller.by,
        subject=f"credential:{list_number}:{credential}",
        reason=reason,
        after="revoked",
        ref=ref,
    )

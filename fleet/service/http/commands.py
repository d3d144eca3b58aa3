"""POST /v1/terminals/ID/commands and GET /v1/commands/ID. Scope `commands`.

A command is stored before it is answered, and sent after that. The Idempotency-Key is the caller's:
the same key with the same request finds the same command, with another request it is a conflict.
"""

import asyncio
import hashlib
import re
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from fleet import commands
from fleet.books.commands import (
    COMMAND,
    PROMISE,
    CommandBook,
    CommandOrder,
    promise_key,
    refusal_of,
)
from fleet.commands import CommandRecord, Order
from fleet.contract.commands import DEFAULT_EXPIRY_S, CommandType
from fleet.contract.messages import Argument
from fleet.contract.topics import Shard, TerminalId, shard_of
from fleet.errors import CommandError
from fleet.service.app import Fleet
from fleet.service.http.access import orderer
from fleet.service.shard_writer import BusyError
from fleet.service.store.shards import read_strings
from runtime.clock import now_ms
from runtime.http.access import Caller, require_place
from runtime.http.audited import audited, refused
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.problems import Problem
from verifier.contract.audit import Act, AuditAction, not_done
from verifier.contract.vocabulary import GrantState

MAX_BODY_BYTES: Final = 4096
"""Bytes of a request; a command has few arguments."""
STORE_LIMIT_S: Final = 5.0
"""Seconds a caller waits for the store; past it the outcome is found with the same key."""
KEY: Final = r"[\x21-\x7e]{1,128}"
"""Printable ASCII without spaces."""
_COMMAND_ID: Final = re.compile(r"[0-9a-f]{32}")
_STATUS: Final = {
    "idempotency.conflict": HTTPStatus.CONFLICT,
    "commands.too_many": HTTPStatus.CONFLICT,
}


class CommandRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller wants done."""

    type: CommandType
    expires_in_s: int = DEFAULT_EXPIRY_S
    arguments: dict[str, Argument] = msgspec.field(default_factory=dict)


_DECODER: Final = msgspec.json.Decoder(CommandRequest)


class CommandResource:
    """Commands to terminals."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def post(self, request: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        """Store a command; answers 202 with it, or 200 when the key was known.

        Raises:
            Problem: 400, 404, 408, 409, 413, 415 or 503 with a code.
        """
        fleet = self._fleet
        terminal = _terminal(fleet, text)
        place = fleet.registry.places[fleet.registry.terminals[terminal].place]
        require_place(caller, place.id, place.district)
        key = _idempotency_key(request)
        body = decode(await read_json(request, MAX_BODY_BYTES), _DECODER, MAX_BODY_BYTES)
        order = Order(
            type=body.type,
            caller=orderer(caller),
            expires_in_s=body.expires_in_s,
            arguments=body.arguments,
        )
        try:
            command = commands.create(
                order, command_id=commands.new_id(terminal), terminal=terminal, now=now_ms()
            )
        except CommandError as error:
            raise Problem(HTTPStatus.BAD_REQUEST, error.code) from error
        act = _act(caller, command)
        asked = CommandOrder(
            command=command,
            key=promise_key(order.caller, terminal, key),
            digest=hashlib.sha256(msgspec.json.encode(order, order="deterministic")).hexdigest(),
        )
        stands = await _foreseen(fleet, act, asked)
        if stands is not None:
            return _told(stands, known=True)
        await audited(fleet.audit, act)
        try:
            stored, known = await _give(fleet, asked)
        except CommandError as error:
            await audited(fleet.audit, not_done(act, error.code))
            status = _STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
            raise Problem(status, error.code) from error
        except (BusyError, TimeoutError) as error:
            # Whether it was stored is not known; the same key finds out.
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "commands.busy") from error
        if known:
            await audited(fleet.audit, not_done(act, "repeated", stored.id))
        return _told(stored, known=known)

    async def get(self, _: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        """Answer a command and where it stands.

        Raises:
            Problem: 404 `command.unknown`.
        """
        fleet = self._fleet
        if _COMMAND_ID.fullmatch(text) is None:
            raise Problem(HTTPStatus.NOT_FOUND, "command.unknown")
        key = COMMAND.key(text)
        row = (await read_strings(fleet.redis, Shard(text[0]), [key])).get(key)
        if row is None:
            raise Problem(HTTPStatus.NOT_FOUND, "command.unknown")
        found = COMMAND.decode(row)
        terminal = fleet.registry.terminals.get(TerminalId(found.terminal))
        if terminal is not None:
            require_place(caller, terminal.place, fleet.registry.places[terminal.place].district)
        elif caller.token is not None:
            raise Problem(HTTPStatus.FORBIDDEN, "operator.area")
        return json_response(found)


def _act(caller: Caller, command: CommandRecord) -> Act:
    """Say who commands what."""
    return Act(
        action=AuditAction.COMMAND,
        person="" if caller.token is None else caller.token.person,
        by=caller.by,
        subject=f"terminal:{command.terminal}",
        after=str(command.type),
        ref=command.id,
    )


def _told(command: CommandRecord, *, known: bool) -> web.Response:
    response = json_response(command, HTTPStatus.OK if known else HTTPStatus.ACCEPTED)
    response.headers["Location"] = f"/v1/commands/{command.id}"
    return response


async def _foreseen(fleet: Fleet, act: Act, asked: CommandOrder) -> CommandRecord | None:
    """Return the command that a known key stands for; None: it is to be given.

    What can be seen to change nothing is not announced: it is noted as refused, repeats as a count.

    Raises:
        Problem: 409 idempotency.conflict or commands.too_many.
    """
    terminal = TerminalId(asked.command.terminal)
    shard, key = shard_of(terminal), PROMISE.key(asked.key)
    row = (await read_strings(fleet.redis, shard, [key])).get(key)
    promise = None if row is None else PROMISE.decode(row)
    served, stands = fleet.served(shard), None
    unfinished = 0 if served is None else len(served.shard[CommandBook].ids.get(terminal, ()))
    code = refusal_of(promise, asked.digest, unfinished)
    if promise is not None:
        key = COMMAND.key(promise.command)
        kept = (await read_strings(fleet.redis, shard, [key])).get(key)
        stands = None if kept is None else COMMAND.decode(kept)
        if code is None and stands is not None:
            code = "repeated"
    if code is None:
        return None
    noted = Act(
        action=AuditAction.REFUSE,
        person=act.person,
        by=act.by,
        subject=act.subject,
        reason=code,
        after="" if stands is None else stands.id,
    )
    await refused(fleet.audit, noted, same=f"{asked.command.caller} {act.subject} {code}")
    if code != "repeated":
        raise Problem(_STATUS.get(code, HTTPStatus.BAD_REQUEST), code)
    return stands


async def _give(fleet: Fleet, order: CommandOrder) -> tuple[CommandRecord, bool]:
    served = fleet.served(shard_of(TerminalId(order.command.terminal)))
    if served is None:
        raise BusyError
    async with asyncio.timeout(STORE_LIMIT_S):
        return await fleet.writer.order(served, order)


def _terminal(fleet: Fleet, name: str) -> TerminalId:
    terminal = fleet.registry.terminals.get(TerminalId(name))
    if terminal is None:
        raise Problem(HTTPStatus.NOT_FOUND, "terminal.unknown")
    if terminal.state is not GrantState.ACTIVE:
        raise Problem(HTTPStatus.CONFLICT, f"terminal.{terminal.state}")
    return TerminalId(terminal.id)


def _idempotency_key(request: web.BaseRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if re.fullmatch(KEY, key) is None:
        raise Problem(HTTPStatus.BAD_REQUEST, "idempotency.missing")
    return key

"""The table of routes of the fleet: who may ask what, and what can come back.

docs/http-fleet.md explains what is meant and what to do about each problem code.
"""

from typing import Final

from fleet.commands import CommandRecord
from fleet.service.http import commands, grants, terminals
from runtime.http.health import HEALTH
from runtime.http.operations import (
    AUDIT,
    STORE,
    Allowed,
    CallerKind,
    Codes,
    Operation,
    OperationArea,
    Reply,
    RequestBody,
    RouteTable,
    in_header,
    in_path,
    in_query,
    merged,
    numbers_in_query,
    operator,
    service,
)
from verifier.contract.operator import OperatorTokenAnswer
from verifier.contract.vocabulary import ApiScope

AREA: Final[Codes] = {403: ("operator.area",)}
TERMINAL: Final[Codes] = {404: ("terminal.unknown",)}

_READERS: Final = (service(ApiScope.FLEET_READ), operator(ApiScope.FLEET_READ))
_COMMANDERS: Final = (service(ApiScope.COMMANDS), operator(ApiScope.COMMANDS))
_OF_TERMINAL: Final = in_path("terminal", "The terminal's id.")

TABLE: Final = RouteTable(
    name="fleet",
    title="Kapok fleet",
    says="The fleet: its terminals, commands to them, grants, and tokens of operators.",
    explained="docs/http-fleet.md",
    operations=(
        Operation(
            method="GET",
            path="/v1/terminals",
            name="listTerminals",
            says="List the terminals by id; to an operator of a district or a place, its own.",
            area=OperationArea.PLACE,
            callers=_READERS,
            parameters=(
                *numbers_in_query(terminals.BOUNDS, {"limit": "Terminals in a page."}),
                in_query(
                    "after",
                    "`next` of the page before.",
                    type="string",
                    pattern=f"^{terminals.AFTER}$",
                ),
            ),
            replies={200: Reply("The page.", terminals.TerminalList)},
            problems=STORE,
        ),
        Operation(
            method="GET",
            path="/v1/terminals/{terminal}",
            name="readTerminal",
            says="Show one terminal.",
            area=OperationArea.PLACE,
            callers=_READERS,
            parameters=(_OF_TERMINAL,),
            replies={200: Reply("The terminal.", terminals.TerminalState)},
            problems=merged(STORE, AREA, TERMINAL),
        ),
        Operation(
            method="POST",
            path="/v1/terminals/{terminal}/commands",
            name="giveCommand",
            says="Give a terminal a command; it is stored when the answer comes.",
            area=OperationArea.PLACE,
            callers=_COMMANDERS,
            parameters=(
                _OF_TERMINAL,
                in_header(
                    "Idempotency-Key",
                    "The caller's own; the same key with the same request is the same command.",
                    required=True,
                    type="string",
                    pattern=f"^{commands.KEY}$",
                ),
            ),
            body=RequestBody(type=commands.CommandRequest, limit=commands.MAX_BODY_BYTES),
            replies={
                200: Reply("The key was known: the command as it stands.", CommandRecord),
                202: Reply("It is stored, and will be sent.", CommandRecord),
            },
            problems=merged(
                STORE,
                AUDIT,
                AREA,
                TERMINAL,
                {
                    400: ("idempotency.missing", "expiry.range", "arguments.bad"),
                    409: (
                        *("terminal.suspended", "terminal.revoked"),
                        *("idempotency.conflict", "commands.too_many"),
                    ),
                    503: ("commands.busy",),
                },
            ),
        ),
        Operation(
            method="GET",
            path="/v1/commands/{command}",
            name="readCommand",
            says="Show a command and where it stands.",
            area=OperationArea.PLACE,
            callers=_COMMANDERS,
            parameters=(
                in_path("command", "The command's id.", type="string", pattern="^[0-9a-f]{32}$"),
            ),
            replies={200: Reply("The command.", CommandRecord)},
            problems=merged(STORE, AREA, {404: ("command.unknown",)}),
        ),
        Operation(
            method="GET",
            path="/v1/grants",
            name="followGrants",
            says="Wait for signed grants that are newer than a version; a worker follows so.",
            area=OperationArea.CITY,
            callers=(service(ApiScope.GRANTS),),
            parameters=numbers_in_query(
                grants.BOUNDS,
                {
                    "after": "`version` of the page before.",
                    "wait": "Seconds to wait while there is nothing newer.",
                },
            ),
            replies={200: Reply("The page.", grants.GrantPage)},
            problems=merged(STORE, {503: ("system.busy",)}),
        ),
        Operation(
            method="POST",
            path="/v1/operator-tokens",
            name="giveToken",
            says="Give an operator a token of a quarter of an hour for the operator's own key.",
            area=OperationArea.NONE,
            callers=(Allowed(kind=CallerKind.OPERATOR_KEY),),
            replies={201: Reply("The token.", OperatorTokenAnswer)},
            problems=merged(AUDIT, {429: ("caller.busy",), 503: ("system.busy",)}),
        ),
        *HEALTH,
    ),
)

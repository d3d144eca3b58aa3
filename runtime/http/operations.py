"""The table of routes of a service: one row a method and path, with all that a caller must know.

The router, the OpenAPI document and the page for people are made of the same rows. A row names the
request by its operation id; the running service gives each id its handler (`routes.bind`). Nothing
here runs in a service, and nothing of any service is known here: scopes are words, types are handed
in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

JSON: Final = "application/json"
SEGMENT: Final = "[A-Za-z0-9_.-]{1,96}"
"""What may stand for one variable of a path."""
_VARIABLE: Final = re.compile(r"\{([a-z_]+)\}")

Codes = Mapping[int, tuple[str, ...]]
"""Status to the problem codes that come with it."""
AUDIT: Final[Codes] = {503: ("audit.unavailable",)}
"""Of an act that is written down first (`audited`)."""
STORE: Final[Codes] = {503: ("store.unavailable",)}
"""Of what asks the store (`problems.store_away`)."""
Bounds = Mapping[str, tuple[int, int, int]]
"""Names of numbers in a query to default, lowest, highest."""


class CallerKind(StrEnum):
    """With what a caller shows who it is; the values name the security schemes."""

    KEY = "key"
    """A service's API key."""
    OPERATOR = "operator"
    """An operator's token."""
    CERTIFICATE = "certificate"
    """A terminal's TLS certificate; what it opens is said by its grant."""
    OPERATOR_KEY = "operatorKey"
    """An operator's own key, which gives a token and nothing else."""
    HOLDER = "holder"
    """The signature of a credential's key, inside the body."""


class OperationArea(StrEnum):
    """What an operation is bound to, and so how far a caller's area opens it."""

    CITY = "city"
    """It speaks of the whole city: an operator of a district or a place may not ask."""
    PLACE = "place"
    """Its path, body or document names a place: that must lie in the operator's area, a terminal's
    own. Of a list, only what lies there is shown."""
    OWN = "own"
    """It speaks of the caller alone: a terminal's gate, a holder's credentials."""
    NONE = "none"
    """It says nothing of any place or person."""


BOUND: Final = frozenset({OperationArea.CITY, OperationArea.PLACE})
"""Areas by which an operator of a district or a place may be refused."""
AT_THE_DOOR: Final = frozenset({CallerKind.KEY, CallerKind.OPERATOR, CallerKind.CERTIFICATE})
"""Kinds that the door itself identifies; the others are for the handler to verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One kind of caller that may ask, and what it needs."""

    kind: CallerKind
    scope: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value outside the body."""

    name: str
    place: str
    """path, query or header."""
    schema: Mapping[str, Any]
    says: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBody:
    """A body that must come with a request."""

    type: Any
    """Message type; bytes where it is no JSON."""
    limit: int
    """Bytes that it may have."""
    media: tuple[str, ...] = (JSON,)
    encodings: tuple[str, ...] = ()
    """Content-Encodings that it may come in; none: as it is."""
    streamed: bool = False
    """It is read piece by piece: the handler's own codes say when it is slow or large."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no problem."""

    says: str
    type: Any = None
    """Message type, or several of which it is one; bytes or str: no JSON; None: no body."""
    media: tuple[str, ...] = (JSON,)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name to what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request."""

    method: str
    path: str
    """Variables are named in braces: /v1/scans/{scan_id}/annul."""
    name: str
    """Operation id, unique in the table."""
    says: str
    """One sentence."""
    area: OperationArea
    """What it is bound to; there is no operation that does not say so."""
    callers: tuple[Allowed, ...] = ()
    """Who may ask; none: nobody is asked who they are."""
    parameters: tuple[Parameter, ...] = ()
    body: RequestBody | None = None
    """None: a body is refused."""
    replies: Mapping[int, Reply]
    problems: Codes = field(default_factory=dict)
    """Codes of its own; `problems_of` adds what follows from the rest of the row."""

    @property
    def kinds(self) -> frozenset[CallerKind]:
        """With what callers may show who they are."""
        return frozenset(allowed.kind for allowed in self.callers)

    @property
    def identified(self) -> bool:
        """Whether the door asks who calls."""
        return not self.kinds.isdisjoint(AT_THE_DOOR)

    @property
    def tag(self) -> str:
        """What the path speaks of: the part behind the version; of the others, health."""
        parts = self.path.split("/")
        return parts[2] if parts[1] == "v1" else "health"

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the path's variables, in order."""
        return tuple(_VARIABLE.findall(self.path))

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """What paths with variables look like; None: the path has none."""
        if not self.variables:
            return None
        fixed = map(re.escape, _VARIABLE.split(self.path)[::2])
        return re.compile(f"({SEGMENT})".join(fixed))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """All that a service answers over HTTP."""

    name: str
    """Of the documents: docs/openapi-NAME.json."""
    title: str
    says: str
    explained: str
    """The page in docs/ that explains what is meant."""
    operations: tuple[Operation, ...]
    written: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    """Schemas of types for which msgspec has no words, by hand."""
    needed: tuple[Any, ...] = ()
    """Types that only written schemas refer to."""
    added: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    """Members that the schema of a type gets on top."""
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Schemas of texts by the name of the member, in whatever type it stands."""
    echoing: tuple[Any, ...] = ()
    """Types that give a text back as it came, whatever it was: `members` do not hold there."""

    @property
    def tokens(self) -> bool:
        """Whether operators' tokens open anything here."""
        return any(CallerKind.OPERATOR in one.kinds for one in self.operations)


def merged(*groups: Codes) -> Codes:
    """Join groups of codes by status."""
    found: dict[int, tuple[str, ...]] = {}
    for group in groups:
        for status, codes in group.items():
            found[status] = tuple(dict.fromkeys((*found.get(status, ()), *codes)))
    return dict(sorted(found.items()))


ALWAYS: Final[Codes] = {400: ("request.malformed",), 500: ("internal",)}
TOKENS: Final[Codes] = {401: ("token.bad", "token.expired", "token.early", "token.stale")}
TYPE: Final[Codes] = {415: ("body.type", "body.encoding")}
BODY: Final[Codes] = {408: ("body.slow",), 413: ("body.large",), **TYPE}
FIELDS: Final[Codes] = {400: ("body.json", "body.field")}
UNASKED: Final[Codes] = {400: ("body.unasked",)}
QUERY: Final[Codes] = {400: ("query.bad",)}


def problems_of(operation: Operation, *, tokens: bool) -> Codes:
    """Return every code that can come; `tokens`: operators' tokens open something at this door."""
    return merged(ALWAYS, *_derived(operation, tokens=tokens), operation.problems)


def _derived(operation: Operation, *, tokens: bool) -> Iterator[Codes]:
    if operation.identified:
        yield {401: ("key.unknown",), 403: ("scope.missing",), 429: ("caller.busy",)}
        yield TOKENS if tokens else {401: ("token.bad",)}
        if CallerKind.KEY not in operation.kinds:
            yield {403: ("operator.needed",)}
        if CallerKind.CERTIFICATE in operation.kinds:
            yield {403: ("certificate.unusable",)}
    if CallerKind.OPERATOR_KEY in operation.kinds:
        yield {401: ("key.unknown",)}
    if operation.area in BOUND and CallerKind.OPERATOR in operation.kinds:
        yield {403: ("operator.area",)}
    if operation.body is None:
        yield UNASKED
    else:
        yield TYPE if operation.body.streamed else BODY
        if JSON in operation.body.media:
            yield FIELDS
    if operation.variables:
        yield {404: ("path.unknown",)}
    if any(parameter.place == "query" for parameter in operation.parameters):
        yield QUERY


def service(scope: str) -> Allowed:
    """Allow services whose key has a scope."""
    return Allowed(kind=CallerKind.KEY, scope=scope)


def operator(scope: str) -> Allowed:
    """Allow operators whose roles open a scope."""
    return Allowed(kind=CallerKind.OPERATOR, scope=scope)


def terminal(scope: str) -> Allowed:
    """Allow terminals whose grant has a scope."""
    return Allowed(kind=CallerKind.CERTIFICATE, scope=scope)


def in_path(name: str, says: str, **schema: Any) -> Parameter:
    """Describe a variable of the path."""
    schema = schema or {"type": "string", "pattern": f"^{SEGMENT}$"}
    return Parameter(name=name, place="path", schema=schema, says=says)


def in_query(name: str, says: str, *, required: bool = False, **schema: Any) -> Parameter:
    """Describe a word of the query."""
    return Parameter(name=name, place="query", schema=schema, says=says, required=required)


def in_header(name: str, says: str, *, required: bool = False, **schema: Any) -> Parameter:
    """Describe a header."""
    schema = schema or {"type": "string"}
    return Parameter(name=name, place="header", schema=schema, says=says, required=required)


def numbers_in_query(bounds: Bounds, says: Mapping[str, str]) -> tuple[Parameter, ...]:
    """Describe the numbers of a query by the bounds that the handler reads them with."""
    return tuple(
        in_query(name, says[name], type="integer", minimum=lowest, maximum=highest, default=default)
        for name, (default, lowest, highest) in bounds.items()
    )


def faults(table: RouteTable) -> Iterable[str]:
    """Say what is wrong with a table; nothing, or it must not be served."""
    names = [one.name for one in table.operations]
    ways = [(one.method, one.pattern or one.path) for one in table.operations]
    yield from (f"operation id twice: {name}" for name in set(names) if names.count(name) > 1)
    yield from (f"twice: {way[0]} {way[1]}" for way in set(ways) if ways.count(way) > 1)
    for one in table.operations:
        described = [each.name for each in one.parameters if each.place == "path"]
        if tuple(described) != one.variables:
            yield f"{one.name}: the path's variables are not those described"
        if not one.replies:
            yield f"{one.name}: nothing is answered"
        if one.area is OperationArea.OWN and not one.kinds.isdisjoint({CallerKind.OPERATOR}):
            yield f"{one.name}: an operator has nothing of its own"
        if one.area is OperationArea.NONE and one.identified:
            yield f"{one.name}: who may ask is asked of nothing"

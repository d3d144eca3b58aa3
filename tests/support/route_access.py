"""Who may call what: every route of a running service, asked by everybody."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.http.operations import Allowed, CallerKind, Operation, OperationArea, RouteTable
from tests.support.operators import operator_token
from tests.support.verifier_process import ask
from verifier.contract.operator import ROLE_SCOPES, OperatorRole

Scopes = Mapping[str, frozenset[str]]
"""What a caller shows to the scopes that it has."""
NOT_ADMITTED: Final = frozenset(
    {"key.unknown", "scope.missing", "operator.needed", "operator.area"}
)
MAX_SENT: Final = 64 * 1024
"""Bytes of a body that is sent to see that it is refused."""
_SEGMENT: Final = "0"
"""What a variable of a path may be; who may ask is looked at before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitors:
    """Who calls at a door."""

    port: int
    keys: Scopes
    """Services, by API key."""
    tokens: Scopes = field(default_factory=dict)
    """Operators of the whole city."""
    local: str | None = None
    """Token of an operator of a district, with every scope."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What stands for variables of paths."""


def city_tokens() -> Scopes:
    """Return a token for each role."""
    return {operator_token("wen", role): ROLE_SCOPES[role] for role in OperatorRole}


def local_token() -> str:
    """Return the token of an operator of a district, of all roles."""
    return operator_token("mei", district="liwan")


def differences(table: RouteTable, visitors: Visitors) -> Iterator[str]:
    """Say where a running service differs from its table; nothing is changed by asking."""
    for operation in table.operations:
        asked = _Asked(operation, visitors)
        if operation.identified:
            yield from asked.by_services()
            yield from asked.by_operators()
            yield from asked.with_bodies()
        else:
            yield from asked.by_nobody()


@dataclass(frozen=True, slots=True)
class _Asked:
    operation: Operation
    visitors: Visitors

    def by_nobody(self) -> Iterator[str]:
        """Ask where the door identifies nobody: keys make no difference."""
        own = CallerKind.OPERATOR_KEY in self.operation.kinds
        for key in (None, *self.visitors.keys):
            yield from self._expect("any key", key, "key.unknown" if own else None)

    def by_services(self) -> Iterator[str]:
        yield from self._expect("no key", None, "key.unknown")
        yield from self._expect("an unknown key", "kapok_x_y", "key.unknown")
        for key, scopes in self.visitors.keys.items():
            yield from self._expect(f"a key for {sorted(scopes)}", key, self._for_key(scopes))

    def by_operators(self) -> Iterator[str]:
        allowed = self._allowed(CallerKind.OPERATOR)
        for token, scopes in self.visitors.tokens.items():
            opened = allowed is not None and allowed.scope in scopes
            code = None if opened else "scope.missing"
            yield from self._expect(f"a token for {sorted(scopes)}", token, code)
        city = self.operation.area is OperationArea.CITY
        own = "operator.area" in self.operation.problems.get(403, ())
        if self.visitors.local is not None and allowed is not None and (city or not own):
            code = "operator.area" if city else None
            yield from self._expect("a local token", self.visitors.local, code)

    def with_bodies(self) -> Iterator[str]:
        """Ask with what is no such body, as somebody who may."""
        who = next((key for key, of in self.visitors.keys.items() if not self._for_key(of)), None)
        allowed = self._allowed(CallerKind.OPERATOR)
        if who is None and allowed is not None:
            who = next(it for it, of in self.visitors.tokens.items() if allowed.scope in of)
        body = self.operation.body
        if body is None:
            yield from self._expect("a body", who, "body.unasked", body=b"{}")
        elif not body.streamed:  # where it is, the handler judges what it comes for first
            given: dict[str, Any] = {"body": b"{}", "headers": {"Content-Type": "text/x-nothing"}}
            yield from self._expect("another type", who, "body.type", **given)
            if body.limit <= MAX_SENT:
                given = {
                    "body": b"0" * (body.limit + 1),
                    "headers": {"Content-Type": body.media[0]},
                }
                yield from self._expect("too much", who, "body.large", **given)

    def _expect(self, who: str, key: str | None, code: str | None, **given: Any) -> Iterator[str]:
        operation = self.operation
        headers = {**self._needed("header"), **given.pop("headers", {})}
        path = operation.path
        for name in operation.variables:
            path = path.replace(f"{{{name}}}", self.visitors.variables.get(name, _SEGMENT))
        query = "&".join(f"{name}={value}" for name, value in self._needed("query").items())
        answer = ask(
            self.visitors.port,
            operation.method,
            f"{path}?{query}",
            key=key,
            headers=headers,
            **given,
        )
        found = answer.body.get("code") if isinstance(answer.body, dict) else None
        if operation.method == "HEAD":  # it has no body to look at
            fits = (answer.status in (400, 401, 403)) is (code is not None)
        else:
            fits = found == code if code is not None else found not in NOT_ADMITTED
        if not fits:
            way = f"{operation.method} {operation.path} with {who}"
            yield f"{way}: {answer.status} {found}, not {code}"

    def _needed(self, place: str) -> dict[str, str]:
        """Return the parameters without which nothing is looked at."""
        found = [it for it in self.operation.parameters if it.place == place and it.required]
        return {it.name: self.visitors.variables.get(it.name, _SEGMENT) for it in found}

    def _for_key(self, scopes: frozenset[str]) -> str | None:
        allowed = self._allowed(CallerKind.KEY)
        if allowed is None:
            return "operator.needed"
        return None if allowed.scope in scopes else "scope.missing"

    def _allowed(self, kind: CallerKind) -> Allowed | None:
        return next((each for each in self.operation.callers if each.kind is kind), None)

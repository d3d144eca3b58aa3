"""From logic (decoded JSON) to a rule: everything that can be wrong before data is known.

One pass checks and compiles. A rule is a tree of closures, immutable, free to be shared between
threads, and its own size is a bound on the steps outside `reduce`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, NamedTuple

from verifier.policy.certlogic import operators
from verifier.policy.certlogic.dates import UNITS
from verifier.policy.certlogic.faults import Fault, LogicError
from verifier.policy.certlogic.operators import Run
from verifier.policy.certlogic.values import MAX_INTEGER, Meter, render, whole

MAX_DEPTH: Final = 128
"""Levels of JSON; an operation takes two. Published rules take 16; it keeps the stack short."""
MAX_NESTING: Final = 2 * MAX_DEPTH
"""Levels of JSON of a whole file or line, before it is read; the rule is a part of it."""
MAX_SIZE: Final = 10_000
"""Expressions and path fragments of one rule; a list of all countries has 250."""
MAX_STEPS: Final = 100_000
"""Steps of one evaluation: about 20 ms on a slow core, and far beyond what a rule takes."""
MAX_INDEX_DIGITS: Final = 9
"""Digits of an array index in a path; no data has a thousand million items."""


class CompiledPart(NamedTuple):
    """A compiled expression."""

    run: Run
    weight: int
    """Expressions and path fragments in it, and so the most steps it takes without `reduce`."""
    literal: bool
    """Whether it is its own value, whatever the data."""
    value: Any = None
    """That value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Logic that was checked and compiled."""

    run: Run
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """Where in the logic we are."""

    where: str
    depth: int
    required: frozenset[str]
    budget: list[int]

    def inside(self, name: str, *, lambda_: bool = False) -> "_Scope":
        return _Scope(
            where=f"{self.where}.{name}",
            depth=self.depth + 1,
            required=frozenset() if lambda_ else self.required,
            budget=self.budget,
        )

    def wrong(self, message: str) -> LogicError:
        return LogicError(Fault.LOGIC_INVALID, self.where, message)


def compile(logic: Any, *, required: frozenset[str] = frozenset()) -> Rule:  # noqa: A001 - as in re
    """Check logic and turn it into a rule.

    `required` names first fragments of data paths, such as "external", whose absence is an ABSENT
    error and not null: what a rule needs and does not get must not look like an answer.

    Raises:
        LogicError: LOGIC_INVALID or LOGIC_BOUND.
    """
    part = _part(logic, _Scope(where="$", depth=0, required=required, budget=[MAX_SIZE]))
    return Rule(run=part.run, weight=part.weight)


def evaluate(rule: Rule, data: Any, zone: tzinfo | None = None) -> Any:
    """Return a rule's value for data (decoded JSON, never changed), as JSON values.

    `zone` is where dates without a time are read; None: UTC, as the specification says.

    Raises:
        EvaluationError: TYPE, DATE, BOUND, or ABSENT where inputs were declared as required.
    """
    return render(rule.run(data, Meter(MAX_STEPS - rule.weight, zone)))


def _part(logic: Any, scope: _Scope) -> CompiledPart:
    _charge(scope, 1)
    if scope.depth > MAX_DEPTH:
        raise LogicError(Fault.LOGIC_BOUND, scope.where, f"deeper than {MAX_DEPTH}")
    if type(logic) is str or type(logic) is bool:
        return _literal(logic)
    if type(logic) is int or type(logic) is float:
        return _literal(_integer(logic, scope))
    if type(logic) is list:
        return _array(logic, scope)
    if type(logic) is dict:
        return _operation(logic, scope)
    raise scope.wrong("not an expression")


def _charge(scope: _Scope, size: int) -> None:
    scope.budget[0] -= size
    if scope.budget[0] < 0:
        raise LogicError(Fault.LOGIC_BOUND, scope.where, f"more than {MAX_SIZE} expressions")


def _literal(value: Any) -> CompiledPart:
    return CompiledPart(operators.constant(value), 1, literal=True, value=value)


def _integer(value: Any, scope: _Scope) -> int:
    if type(value) is float:
        value = whole(value)
    if type(value) is not int:
        raise scope.wrong("takes an integer")
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise LogicError(Fault.LOGIC_BOUND, scope.where, "integer beyond 2^53")
    return value


def _array(items: list[Any], scope: _Scope) -> CompiledPart:
    parts = [_part(item, scope.inside(f"[{at}]")) for at, item in enumerate(items)]
    weight = 1 + sum(part.weight for part in parts)
    if all(part.literal for part in parts):
        values = [part.value for part in parts]
        return CompiledPart(operators.constant(values), weight, literal=True, value=values)
    return CompiledPart(operators.array([part.run for part in parts]), weight, literal=False)


def _operation(logic: dict[Any, Any], scope: _Scope) -> CompiledPart:
    if len(logic) != 1:
        raise scope.wrong("an operation has exactly one operator")
    ((name, operands),) = logic.items()
    if name == "var":
        return _var(operands, scope.inside("var"))
    if type(operands) is not list:
        raise scope.wrong("operands stand in an array")
    entry = _OPERATIONS.get(name)
    if entry is None:
        raise scope.wrong("no such operator")
    scope = scope.inside(name)
    if not entry.least <= len(operands) <= entry.most:
        raise scope.wrong("wrong number of operands")
    run, weight = entry.build(name, operands, scope)
    return CompiledPart(run, weight, literal=False)


def _var(path: Any, scope: _Scope) -> CompiledPart:
    if type(path) is not str:
        raise scope.wrong("a path is text")
    fragments = path.split(".") if path else []
    if not all(fragments):
        raise scope.wrong("a path has no empty fragments")
    _charge(scope, len(fragments))
    steps = tuple((fragment, _index(fragment)) for fragment in fragments)
    required = bool(fragments) and fragments[0] in scope.required
    return CompiledPart(operators.var(steps, required=required), 1 + len(steps), literal=False)


def _index(fragment: str) -> int:
    """Return the array index that a fragment is, or -1."""
    digits = fragment.isascii() and fragment.isdigit() and len(fragment) <= MAX_INDEX_DIGITS
    return int(fragment) if digits and (fragment[0] != "0" or fragment == "0") else -1


Built = tuple[Run, int]
"""A closure and its weight."""


def _parts(operands: list[Any], scope: _Scope) -> tuple[list[CompiledPart], int]:
    parts = [_part(operand, scope.inside(f"[{at}]")) for at, operand in enumerate(operands)]
    return parts, 1 + sum(part.weight for part in parts)


def _all(make: Callable[..., Run]) -> Callable[[str, list[Any], _Scope], Built]:
    """Build an operation whose maker takes each operand by itself."""

    def build(_name: str, operands: list[Any], scope: _Scope) -> Built:
        parts, weight = _parts(operands, scope)
        return make(*(part.run for part in parts)), weight

    return build


def _and(_name: str, operands: list[Any], scope: _Scope) -> Built:
    parts, weight = _parts(operands, scope)
    return operators.conjunction([part.run for part in parts]), weight


def _comparison(name: str, operands: list[Any], scope: _Scope) -> Built:
    parts, weight = _parts(operands, scope)
    integers = name in operators.INTEGER_RELATIONS
    make = operators.integer_comparison if integers else operators.moment_comparison
    return make(name, [part.run for part in parts]), weight


def _in(_name: str, operands: list[Any], scope: _Scope) -> Built:
    (value, values), weight = _parts(operands, scope)
    if (
        values.literal
        and type(values.value) is list
        and all(type(item) is str for item in values.value)
    ):
        return operators.known_membership(value.run, values.value), weight
    return operators.membership(value.run, values.run), weight


def _plus_time(_name: str, operands: list[Any], scope: _Scope) -> Built:
    operand = _part(operands[0], scope.inside("[0]"))
    amount = _integer(operands[1], scope.inside("[1]"))
    unit = operands[2]
    if type(unit) is not str or unit not in UNITS:
        raise scope.inside("[2]").wrong("takes year, month, day or hour")
    return operators.offset_time(operand.run, amount, unit), operand.weight + 3


def _extract(_name: str, operands: list[Any], scope: _Scope) -> Built:
    operand = _part(operands[0], scope.inside("[0]"))
    index = _integer(operands[1], scope.inside("[1]"))
    return operators.uci_part(operand.run, index), operand.weight + 2


def _reduce(_name: str, operands: list[Any], scope: _Scope) -> Built:
    operand = _part(operands[0], scope.inside("[0]"))
    step = _part(operands[1], scope.inside("[1]", lambda_=True))
    initial = _part(operands[2], scope.inside("[2]"))
    run = operators.fold(operand.run, step.run, initial.run, 1 + step.weight)
    return run, 1 + operand.weight + step.weight + initial.weight


class _Entry(NamedTuple):
    """An operator: how many operands it takes, and how it is built."""

    least: int
    most: int
    build: Callable[[str, list[Any], _Scope], Built]


_OPERATIONS: Final[dict[str, _Entry]] = {
    "if": _Entry(3, 3, _all(operators.choose)),
    "and": _Entry(2, MAX_SIZE, _and),
    "!": _Entry(1, 1, _all(operators.negation)),
    "===": _Entry(2, 2, _all(operators.equality)),
    "in": _Entry(2, 2, _in),
    "+": _Entry(2, 2, _all(operators.sum_of)),
    **{name: _Entry(2, 3, _comparison) for name in operators.INTEGER_RELATIONS},
    **{name: _Entry(2, 3, _comparison) for name in operators.MOMENT_RELATIONS},
    "plusTime": _Entry(3, 3, _plus_time),
    "dccDateOfBirth": _Entry(1, 1, _all(operators.birth)),
    "extractFromUVCI": _Entry(2, 2, _extract),
    "reduce": _Entry(3, 3, _reduce),
}

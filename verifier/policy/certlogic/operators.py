"""The operations of the rule language, each as a maker of a closure over its operands.

A closure takes (data, meter) and returns a value. Operands are closures already and their number
and literals already checked by the compiler; here only values are judged. Operands are evaluated
in order; `if` and `and` evaluate no more than they need.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from verifier.policy.certlogic.dates import Instant, date_of_birth, plus_time
from verifier.policy.certlogic.faults import EvaluationError, Fault
from verifier.policy.certlogic.values import (
    MAX_INTEGER,
    Meter,
    integer,
    member,
    same,
    spend,
    truth,
    whole,
)

Run = Callable[[Any, Meter], Any]
Path = tuple[tuple[str, int], ...]
"""Fragments of a data path: the key, and the index it is in an array, or -1."""

INTEGER_RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
MOMENT_RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "before": operator.lt,
    "not-after": operator.le,
    "after": operator.gt,
    "not-before": operator.ge,
}

_UCI_SEPARATORS: Final = re.compile(r"[/#:]")


def constant(value: Any) -> Run:
    """Make a literal."""

    def run(_data: Any, _meter: Meter) -> Any:
        return value

    return run


def array(items: Sequence[Run]) -> Run:
    """Make an array of expressions."""

    def run(data: Any, meter: Meter) -> Any:
        return [item(data, meter) for item in items]

    return run


def var(path: Path, *, required: bool) -> Run:
    """Make an access to data; what is not there is null, or an ABSENT error when required."""

    def run(data: Any, _meter: Meter) -> Any:
        value = data
        for key, index in path:
            kind = type(value)
            if kind is dict:
                value = value.get(key)
            elif kind is list and 0 <= index < len(value):
                value = value[index]
            else:
                value = None
                break
        if value is None and required:
            raise EvaluationError(Fault.ABSENT)
        return whole(value) if type(value) is float else value

    return run


def choose(guard: Run, then: Run, otherwise: Run) -> Run:
    """Make `if`."""

    def run(data: Any, meter: Meter) -> Any:
        return then(data, meter) if truth(guard(data, meter)) else otherwise(data, meter)

    return run


def conjunction(operands: Sequence[Run]) -> Run:
    """Make `and`: the first falsy value, or the last one."""

    def run(data: Any, meter: Meter) -> Any:
        value = None
        for operand in operands:
            value = operand(data, meter)
            if not truth(value):
                return value
        return value

    return run


def negation(operand: Run) -> Run:
    """Make `!`."""

    def run(data: Any, meter: Meter) -> Any:
        return not truth(operand(data, meter))

    return run


def equality(left: Run, right: Run) -> Run:
    """Make `===`."""

    def run(data: Any, meter: Meter) -> Any:
        return same(left(data, meter), right(data, meter), meter)

    return run


def membership(value: Run, values: Run) -> Run:
    """Make `in`."""

    def run(data: Any, meter: Meter) -> Any:
        return member(value(data, meter), values(data, meter), meter)

    return run


def known_membership(value: Run, values: list[Any]) -> Run:
    """Make `in` over a literal array of text: one look into a set."""
    known = frozenset(values)

    def run(data: Any, meter: Meter) -> Any:
        text = value(data, meter)
        if type(text) is not str:
            return False
        spend(meter, len(text) >> 8)
        return text in known

    return run


def sum_of(left: Run, right: Run) -> Run:
    """Make `+`."""

    def run(data: Any, meter: Meter) -> Any:
        first, second = left(data, meter), right(data, meter)
        if type(first) is not int or type(second) is not int:
            raise EvaluationError(Fault.TYPE)
        total = first + second
        if not (integer(first) and integer(second) and -MAX_INTEGER <= total <= MAX_INTEGER):
            raise EvaluationError(Fault.BOUND)
        return total

    return run


def integer_comparison(name: str, operands: Sequence[Run]) -> Run:
    """Make <, <=, > or >= of two or three integers."""
    return _comparison(int, INTEGER_RELATIONS[name], operands)


def moment_comparison(name: str, operands: Sequence[Run]) -> Run:
    """Make before, after, not-before or not-after of two or three moments."""
    return _comparison(Instant, MOMENT_RELATIONS[name], operands)


def _comparison(kind: type, relation: Callable[[Any, Any], bool], operands: Sequence[Run]) -> Run:
    if len(operands) == 2:
        left, right = operands

        def run_two(data: Any, meter: Meter) -> Any:
            first, second = left(data, meter), right(data, meter)
            if type(first) is not kind or type(second) is not kind:
                raise EvaluationError(Fault.TYPE)
            return relation(first, second)

        return run_two
    low, middle, high = operands

    def run_three(data: Any, meter: Meter) -> Any:
        first, second, third = low(data, meter), middle(data, meter), high(data, meter)
        if type(first) is not kind or type(second) is not kind or type(third) is not kind:
            raise EvaluationError(Fault.TYPE)
        return relation(first, second) and relation(second, third)

    return run_three


def offset_time(operand: Run, amount: int, unit: str) -> Run:
    """Make `plusTime`."""

    def run(data: Any, meter: Meter) -> Any:
        return plus_time(operand(data, meter), amount, unit, meter.zone)

    return run


def birth(operand: Run) -> Run:
    """Make `dccDateOfBirth`."""

    def run(data: Any, meter: Meter) -> Any:
        return date_of_birth(operand(data, meter), meter.zone)

    return run


def uci_part(operand: Run, index: int) -> Run:
    """Make `extractFromUVCI`: one fragment of a certificate identifier, or null."""

    def run(data: Any, meter: Meter) -> Any:
        text = operand(data, meter)
        if text is None:
            return None
        if type(text) is not str:
            raise EvaluationError(Fault.TYPE)
        spend(meter, len(text) >> 3)
        fragments = _UCI_SEPARATORS.split(text)
        if fragments[:2] == ["URN", "UVCI"]:
            fragments = fragments[2:]
        return fragments[index] if 0 <= index < len(fragments) else None

    return run


def fold(operand: Run, step: Run, initial: Run, weight: int) -> Run:
    """Make `reduce`; `weight` is the steps of one turn, and all turns are paid for first.

    A null operand folds nothing, as in the engines that rules were written for.
    """

    def run(data: Any, meter: Meter) -> Any:
        items = operand(data, meter)
        accumulator = initial(data, meter)
        if items is None:
            return accumulator
        if type(items) is not list:
            raise EvaluationError(Fault.TYPE)
        spend(meter, len(items) * weight)
        for item in items:
            accumulator = step({"current": item, "accumulator": accumulator}, meter)
        return accumulator

    return run

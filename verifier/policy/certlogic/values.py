"""Values of the rule language: which are true, which are equal, how a result looks, what it costs.

Nothing is coerced. A value that the language has no meaning for (a moment where truth is asked, a
fraction, two composites where equality is asked) is an error, never a guess. JSON has one number
type: 2.0 is the integer 2; 2.5 is no value of the language, and only passes through.
"""

import math
from datetime import tzinfo
from types import NoneType
from typing import Any, Final

from verifier.policy.certlogic.dates import Instant, iso
from verifier.policy.certlogic.faults import EvaluationError, Fault

MAX_INTEGER: Final = 2**53 - 1
"""Beyond it, engines that count in IEEE doubles would disagree with us."""
MAX_RESULT_VALUES: Final = 100_000
"""Values in a result: a few lines of `reduce` can name one array 2^30 times."""
MAX_RESULT_CHARS: Final = 16 * 1024 * 1024
"""Characters in a result; as long as a line of the conformance protocol may be."""
MAX_RESULT_DEPTH: Final = 128
"""Levels in a result; beyond it a writer of JSON may run out of stack."""


class Meter(list[int]):
    """What one evaluation goes by: the steps left, as its one item, and the zone of its days."""

    __slots__ = ("zone",)

    def __init__(self, steps: int, zone: tzinfo | None = None) -> None:
        super().__init__((steps,))
        self.zone = zone


_SCALARS: Final = frozenset({str, int, bool, NoneType})
_ARGUABLE: Final = frozenset({str, int, bool, NoneType, list, dict})
"""The types whose values are either truthy or falsy."""


def spend(meter: Meter, steps: int) -> None:
    """Take steps from the meter: an operation whose cost depends on data pays before it works.

    Raises:
        EvaluationError: BOUND when it is empty.
    """
    meter[0] -= steps
    if meter[0] < 0:
        raise EvaluationError(Fault.BOUND)


def truth(value: Any) -> bool:
    """Say whether a value is truthy (True) or falsy (False).

    Raises:
        EvaluationError: TYPE when it is neither.
    """
    if type(value) in _ARGUABLE:
        return bool(value)
    raise EvaluationError(Fault.TYPE)


def whole(value: float) -> int | float:
    """Return an integer for a number without fraction, anything else as it is."""
    return int(value) if value.is_integer() else value


def integer(value: Any) -> bool:
    """Say whether a value is an integer that every engine can hold."""
    return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER


def same(left: Any, right: Any, meter: Meter) -> bool:
    """Say whether two values are equal, types included.

    Raises:
        EvaluationError: TYPE for two composites (engines disagree on what their equality is).
    """
    kind, other = type(left), type(right)
    if kind is other:
        if kind is str:
            spend(meter, len(left) >> 8)
            return bool(left == right)
        if kind in _SCALARS:
            return bool(left == right)
    elif kind in _SCALARS or other in _SCALARS:
        return False
    raise EvaluationError(Fault.TYPE)


def member(value: Any, array: Any, meter: Meter) -> bool:
    """Say whether a value is one of an array's.

    Raises:
        EvaluationError: TYPE when it is no array, or when two composites would be compared.
    """
    if type(array) is not list:
        raise EvaluationError(Fault.TYPE)
    if type(value) is str:
        spend(meter, (len(array) >> 3) * (1 + (len(value) >> 8)))
        return value in array
    spend(meter, len(array))
    return any(same(value, whole(item) if type(item) is float else item, meter) for item in array)


def render(result: Any) -> Any:
    """Return a result as JSON values, moments written out.

    Raises:
        EvaluationError: BOUND when it is too large, TYPE when JSON has no such value.
    """
    if type(result) is str or type(result) is bool or result is None:
        return result
    return _render(result, [MAX_RESULT_VALUES, MAX_RESULT_CHARS], MAX_RESULT_DEPTH)


def _render(value: Any, left: list[int], depth: int) -> Any:
    kind = type(value)
    left[0] -= 1
    if left[0] < 0 or depth == 0:
        raise EvaluationError(Fault.BOUND)
    if kind is str:
        return _text(value, left)
    if kind is list:
        return [_render(item, left, depth - 1) for item in value]
    if kind is dict:
        return {_text(key, left): _render(item, left, depth - 1) for key, item in value.items()}
    return _render_atom(value)


def _text(value: Any, left: list[int]) -> str:
    if type(value) is not str:
        raise EvaluationError(Fault.TYPE)
    left[1] -= len(value)
    if left[1] < 0:
        raise EvaluationError(Fault.BOUND)
    return value


def _render_atom(value: Any) -> Any:
    kind = type(value)
    if kind is bool or value is None:
        return value
    if kind is Instant:
        return iso(value)
    if kind is int:
        if not integer(value):
            raise EvaluationError(Fault.BOUND)
        return value
    if kind is float and math.isfinite(value):
        return value
    raise EvaluationError(Fault.TYPE)

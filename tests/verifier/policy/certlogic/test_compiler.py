"""What a rule from outside can cost, and what random logic and data can raise."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.policy.certlogic import (
    EvaluationError,
    Fault,
    LogicError,
    compile,  # noqa: A004 - as in re
    evaluate,
)
from verifier.policy.certlogic.compiler import MAX_DEPTH, MAX_SIZE
from verifier.policy.certlogic.values import MAX_INTEGER

DEADLINE = 5.0
"""Seconds; a hundred times what the dearest evaluation takes."""


def nested(depth: int) -> Any:
    """Return logic of this many levels of JSON below the first."""
    logic: Any = True
    for _ in range(depth // 2):
        logic = {"!": [logic]}
    return logic


@pytest.mark.parametrize(
    "logic",
    [
        nested(MAX_DEPTH + 2),
        nested(100_000),
        [1] * MAX_SIZE,
        {"var": ".".join("a" * MAX_SIZE)},
        {"and": [{"var": "a.b.c.d"}] * (MAX_SIZE // 5)},
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        1e300,
        {"plusTime": ["2021", MAX_INTEGER + 1, "day"]},
        {"extractFromUVCI": ["x", MAX_INTEGER + 1]},
    ],
    ids=["deep", "very deep", "long", "far", "dear", "large", "small", "float", "amount", "index"],
)
def test_logic_is_bounded(logic: Any) -> None:
    """Logic that is an expression but too much of one says so."""
    with pytest.raises(LogicError) as caught:
        compile(logic)
    assert caught.value.fault is Fault.LOGIC_BOUND


def test_deepest_logic_runs() -> None:
    """The deepest logic that is taken is also evaluated."""
    assert evaluate(compile(nested(MAX_DEPTH)), None) is True


ACCUMULATOR = {"var": "accumulator"}
BOMBS: dict[str, tuple[Any, Any]] = {
    "many turns": (
        {"reduce": [{"var": "x"}, {"+": [ACCUMULATOR, 1]}, 0]},
        {"x": [0] * 100_000},
    ),
    "turns within turns": (
        {"reduce": [{"var": "x"}, {"reduce": [ACCUMULATOR, ACCUMULATOR, 0]}, {"var": "x"}]},
        {"x": [0] * 20_000},
    ),
    "doubling": (
        {"reduce": [{"var": "x"}, [ACCUMULATOR, ACCUMULATOR], 0]},
        {"x": [0] * 60},
    ),
    "doubling text": (
        {"reduce": [{"var": "x"}, [ACCUMULATOR, ACCUMULATOR], {"var": "text"}]},
        {"x": [0] * 12, "text": "A" * 1_000_000},
    ),
    "deepening": (
        {"reduce": [{"var": "x"}, [ACCUMULATOR], 0]},
        {"x": [0] * 5_000},
    ),
    "comparing long texts": (
        {"reduce": [{"var": "x"}, {"===": [{"var": "current.0"}, {"var": "current.1"}]}, 0]},
        {"x": [["A" * 1_000_000, "A" * 999_999 + "B"]] * 1_000},
    ),
    "searching long arrays": (
        {"reduce": [{"var": "x"}, {"in": [5, {"var": "current"}]}, 0]},
        {"x": [list(range(10, 10_000))] * 1_000},
    ),
    "searching long texts": (
        {"reduce": [{"var": "x"}, {"in": [{"var": "current.0"}, {"var": "current.1"}]}, 0]},
        {"x": [["A" * 99_999 + "B", ["A" * 100_000] * 100]] * 100},
    ),
    "splitting": (
        {"reduce": [{"var": "x"}, {"extractFromUVCI": [{"var": "current"}, 0]}, 0]},
        {"x": ["/" * 100_000] * 100},
    ),
    "adding": (
        {"reduce": [{"var": "x"}, {"+": [ACCUMULATOR, ACCUMULATOR]}, 1]},
        {"x": [0] * 60},
    ),
    "a large number": ({"+": [{"var": ""}, 1]}, 10**4_000),
    "a large number that passes": ({"var": ""}, MAX_INTEGER + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_evaluation_is_bounded(name: str) -> None:
    """Logic and data made to cost run into the bound, long before anybody waits."""
    logic, data = BOMBS[name]
    rule = compile(logic)
    start = time.monotonic()
    with pytest.raises(EvaluationError) as caught:
        evaluate(rule, data)
    assert caught.value.fault is Fault.BOUND
    assert time.monotonic() - start < DEADLINE


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "x", "a.0", "2021", "2020-02-29T23:59:59.9Z", "day", "URN:UVCI:01:NL/1"])
    | st.text(max_size=6)
)
JSON = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
PATHS = st.sampled_from(["", "x", "x.0", "x.0.y", "current", "accumulator", "current.0", "1", "x."])
UNITS = st.sampled_from(["year", "month", "day", "hour", "week"])
NAMES = st.sampled_from(
    ["if", "and", "!", "===", "in", "+", "<", "<=", ">", ">=", "after", "before", "not-after",
     "not-before", "dccDateOfBirth", "reduce", "or"]
)  # fmt: skip


def operations(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return logic that is right more often than by chance."""
    return (
        st.builds(lambda name, operands: {name: operands}, NAMES, st.lists(inner, max_size=4))
        | st.builds(lambda path: {"var": path}, PATHS)
        | st.builds(
            lambda operand, amount, unit: {"plusTime": [operand, amount, unit]},
            inner,
            st.integers(-50, 50) | st.integers(),
            UNITS,
        )
        | st.builds(lambda text, at: {"extractFromUVCI": [text, at]}, inner, st.integers(-1, 4))
        | st.lists(inner, max_size=3)
    )


LOGIC = st.recursive(ATOMS | st.builds(lambda path: {"var": path}, PATHS), operations)
DATA = JSON | st.fixed_dictionaries({"x": JSON}) | st.fixed_dictionaries({"x": st.lists(JSON)})


@given(LOGIC | JSON, DATA)
def test_only_two_errors(logic: Any, data: Any) -> None:
    """Whatever logic and data are, there is a JSON value or one of the two errors."""
    try:
        result = evaluate(compile(logic), data)
    except (LogicError, EvaluationError):
        return
    written = msgspec.json.encode(result)
    assert msgspec.json.decode(written) == result


@given(LOGIC, DATA)
def test_same_again(logic: Any, data: Any) -> None:
    """A rule has no memory: the second evaluation ends as the first."""
    try:
        rule = compile(logic)
    except LogicError:
        return

    def outcome() -> Any:
        try:
            return repr(evaluate(rule, data))
        except EvaluationError as error:
            return error.fault

    assert outcome() == outcome()

"""The rule language, operation by operation: values, and what has none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from verifier.policy.certlogic import (
    EvaluationError,
    Fault,
    LogicError,
    compile,  # noqa: A004 - as in re
    evaluate,
)

DAY = {"plusTime": ["2021-03-05", 0, "day"]}
IT = {"var": ""}


def value(logic: Any, data: Any = None) -> Any:
    """Compile and evaluate at once."""
    return evaluate(compile(logic), data)


def fault(logic: Any, data: Any = None) -> Fault:
    """Return the fault of an evaluation."""
    rule = compile(logic)
    with pytest.raises(EvaluationError) as caught:
        evaluate(rule, data)
    return caught.value.fault


@pytest.mark.parametrize(
    ("logic", "data", "expected"),
    [
        ({"var": "a.1.b"}, {"a": [0, {"b": "x"}]}, "x"),
        ({"var": "a.2"}, {"a": [0, 1]}, None),
        ({"var": "a.-1"}, {"a": [0, 1]}, None),
        ({"var": "a.01"}, {"a": [0, 1]}, None),
        ({"var": "a.²"}, {"a": [0, 1, 2]}, None),
        ({"var": "a.length"}, {"a": [0, 1]}, None),
        ({"var": "a.0"}, {"a": "text"}, None),
        ({"var": "a.0"}, {"a": {"0": "key"}}, "key"),
        ({"var": "a"}, {"a": 2.0}, 2),
        ({"var": "a"}, {"a": 2.5}, 2.5),
        ([1, [{"var": "a"}, "x"]], {"a": None}, [1, [None, "x"]]),
        (2.0, None, 2),
        ({"===": [True, 1]}, None, False),
        ({"===": [False, 0]}, None, False),
        ({"===": ["", False]}, None, False),
        ({"===": [{"var": "x"}, {"var": "y"}]}, {}, True),
        ({"===": [{"var": "x"}, 2]}, {"x": 2.0}, True),
        ({"===": [DAY, "2021-03-05T00:00:00.000Z"]}, None, False),
        ({"===": [[], ""]}, None, False),
        ({"in": [1, [True, "1"]]}, None, False),
        ({"in": [True, [1, True]]}, None, True),
        ({"in": [2, {"var": "x"}]}, {"x": ["2", 2.0]}, True),
        ({"in": ["a", {"var": "x"}]}, {"x": [["a"], None]}, False),
        ({"in": [["a"], ["a"]]}, None, False),
        ({"in": [DAY, ["2021-03-05T00:00:00.000Z"]]}, None, False),
        ({"+": [{"var": "x"}, -3]}, {"x": 2}, -1),
        ({">=": [3, 3, 2]}, None, True),
        ({">": [3, 3, 2]}, None, False),
        ({"if": [{"===": [1, 2]}, {"+": ["no", 1]}, "else"]}, None, "else"),
        ({"and": [True, False, {"+": ["no", 1]}]}, None, False),
        ({"after": [DAY, {"plusTime": ["2021-03-04T23:59:59.999Z", 0, "day"]}]}, None, True),
        ({"not-before": [DAY, DAY, DAY]}, None, True),
        ({"before": [DAY, DAY]}, None, False),
        (DAY, None, "2021-03-05T00:00:00.000Z"),
        ([DAY], None, ["2021-03-05T00:00:00.000Z"]),
        ({"reduce": [{"var": "x"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 1]},
         {"x": [1, 2, 3]}, 7),
        ({"reduce": [{"var": "x"}, {"var": "y"}, 1]}, {"x": [1], "y": 2}, None),
        ({"reduce": [{"var": "x"}, {"var": "y"}, 1]}, {}, 1),
        ({"extractFromUVCI": [IT, 0]}, "URN:uvci:01", "URN"),
        ({"extractFromUVCI": [IT, 0]}, "URN:UVCI", None),
        ({"extractFromUVCI": [IT, 1.0]}, "URN:UVCI:01:NL", "NL"),
    ],
)  # fmt: skip
def test_has_value(logic: Any, data: Any, expected: Any) -> None:
    """A rule has this value, and no other type's that looks the same."""
    result = value(logic, data)
    assert (type(result), result) == (type(expected), expected)


@pytest.mark.parametrize(
    ("logic", "data"),
    [
        ({"if": [DAY, 1, 2]}, None),
        ({"!": [DAY]}, None),
        ({"and": [DAY, True]}, None),
        ({"and": [True, DAY]}, None),
        ({"!": [IT]}, 2.5),
        ({"!": [IT]}, b"bytes"),
        ({"!": [IT]}, datetime(2021, 1, 1, tzinfo=UTC)),
        ({"<": [1, "2"]}, None),
        ({"<": [2, 1, "2"]}, None),
        ({"<": [IT, 1]}, True),
        ({"<": [IT, 1]}, None),
        ({"<": [IT, 1]}, 0.5),
        ({"<": [DAY, DAY]}, None),
        ({"before": [1, 2]}, None),
        ({"before": [DAY, "2021-03-05"]}, None),
        ({"+": [True, 1]}, None),
        ({"+": ["1", 1]}, None),
        ({"+": [IT, 1]}, None),
        ({"in": ["a", IT]}, "abc"),
        ({"in": ["a", IT]}, None),
        ({"in": ["a", IT]}, {"a": 1}),
        ({"in": [[], [[]]]}, None),
        ({"===": [[], []]}, None),
        ({"===": [IT, IT]}, {}),
        ({"===": [DAY, DAY]}, None),
        ({"===": [DAY, []]}, None),
        ({"reduce": [IT, 1, 1]}, "text"),
        ({"reduce": [IT, 1, 1]}, {}),
        ({"extractFromUVCI": [IT, 0]}, 1),
        ({"plusTime": [IT, 0, "day"]}, None),
        ({"plusTime": [IT, 0, "day"]}, 2021),
        ({"plusTime": [DAY, 0, "day"]}, None),
        ({"dccDateOfBirth": [IT]}, None),
        ({"dccDateOfBirth": [DAY]}, None),
        (IT, float("nan")),
        (IT, {1: 2}),
        (IT, b"bytes"),
    ],
)
def test_has_no_value(logic: Any, data: Any) -> None:
    """Operands of a wrong type are errors, never converted."""
    assert fault(logic, data) is Fault.TYPE


INVALID: dict[str, Any] = {
    "null": None,
    "fraction": 1.5,
    "bytes": b"x",
    "empty object": {},
    "two operators": {"if": [1, 2, 3], "!": [1]},
    "unknown operator": {"or": [1, 2]},
    "loose equality": {"==": [1, 1]},
    "not operands": {"!": 1},
    "a null operand": {"!": [None]},
    "an invalid item": [1, [2, None]],
    "var of an array": {"var": ["x"]},
    "var of a number": {"var": 1},
    "path of a dot": {"var": "."},
    "path with a hole": {"var": "a..b"},
    "path that begins empty": {"var": ".a"},
    "if of two": {"if": [1, 2]},
    "if of four": {"if": [1, 2, 3, 4]},
    "and of one": {"and": [1]},
    "! of two": {"!": [1, 2]},
    "=== of three": {"===": [1, 1, 1]},
    "in of one": {"in": [1]},
    "+ of one": {"+": [1]},
    "< of one": {"<": [1]},
    "< of four": {"<": [1, 2, 3, 4]},
    "after of four": {"after": [1, 2, 3, 4]},
    "plusTime of two": {"plusTime": ["2021-01-01", 0]},
    "plusTime by text": {"plusTime": ["2021-01-01", "1", "day"]},
    "plusTime by a truth": {"plusTime": ["2021-01-01", True, "day"]},
    "plusTime by an expression": {"plusTime": ["2021-01-01", {"var": "x"}, "day"]},
    "plusTime by a fraction": {"plusTime": ["2021-01-01", 1.5, "day"]},
    "plusTime by weeks": {"plusTime": ["2021-01-01", 1, "week"]},
    "plusTime by an unhashable unit": {"plusTime": ["2021-01-01", 1, ["day"]]},
    "plusTime of null": {"plusTime": [None, 1, "day"]},
    "dccDateOfBirth of two": {"dccDateOfBirth": ["2021", 1]},
    "extractFromUVCI at text": {"extractFromUVCI": ["x", "1"]},
    "extractFromUVCI of one": {"extractFromUVCI": ["x"]},
    "reduce of two": {"reduce": [[], 1]},
    "reduce by nothing": {"reduce": [[], None, 1]},
    "a wrong branch that is never taken": {"if": [True, 1, {"foo": []}]},
}


@pytest.mark.parametrize("name", INVALID)
def test_is_invalid(name: str) -> None:
    """What is wrong in a rule is known when it is compiled, not when it runs."""
    with pytest.raises(LogicError) as caught:
        compile(INVALID[name])
    assert caught.value.fault is Fault.LOGIC_INVALID


def test_says_where() -> None:
    """The path leads to the wrong expression, through known operators only."""
    with pytest.raises(LogicError) as caught:
        compile({"if": [True, {"and": [True, {"secret": [1]}]}, False]})
    assert caught.value.where == "$.if.[1].and.[1]"
    assert "secret" not in str(caught.value)


def test_required_input_is_not_null() -> None:
    """A required input that is reached for and not there is said to be absent."""
    rule = compile({"!": [{"var": "external.x"}]}, required=frozenset({"external"}))
    assert evaluate(rule, {"external": {"x": 1}}) is False
    without: list[Any] = [{"external": {}}, {"external": {"x": None}}, {}, None]
    for data in without:
        with pytest.raises(EvaluationError) as caught:
            evaluate(rule, data)
        assert caught.value.fault is Fault.ABSENT


def test_required_input_that_nobody_asks_for() -> None:
    """An absent input that this document does not need is no fault."""
    logic = {"if": [{"var": "payload.v"}, {"var": "external.x"}, True]}
    rule = compile(logic, required=frozenset({"external"}))
    assert evaluate(rule, {"payload": {}}) is True


def test_data_and_rule_stay_as_they_were() -> None:
    """Evaluation changes neither, and a result shares nothing with them."""
    data: Any = {"x": [1, {"y": 2}]}
    rule = compile([{"var": "x"}, ["a"]])
    evaluate(rule, data)[0].append("more")
    evaluate(rule, data)[1].append("more")
    assert data == {"x": [1, {"y": 2}]}
    assert evaluate(rule, data) == [[1, {"y": 2}], ["a"]]

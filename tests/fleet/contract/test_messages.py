"""Messages: bounds, strictness upwards, tolerance downwards."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.contract import messages
from fleet.contract.commands import CommandType, ResultCode, ResultState
from fleet.contract.errors import Breach, ContractError
from fleet.contract.messages import ClockState, Epoch
from fleet.contract.topics import TABLE, Party
from runtime.json_depth import MAX_DEPTH

BOOT = "0" * 32
BIRTH: dict[str, Any] = {
    "epoch": [1, 2],
    "boot": BOOT,
    "at": 5,
    "clock": "ok",
    "software": {"name": "stub", "version": "1.0"},
    "bundles": {"trust": 3},
    "capabilities": ["open_gate"],
    "reported_from": 1,
    "result_from": 4,
}
RESULT: dict[str, Any] = {
    "epoch": [1, 2],
    "boot": BOOT,
    "sequence": 1,
    "at": 5,
    "command": "a" * 32,
    "state": "succeeded",
    "code": "ok",
}


def breach(kind: type[messages.Message], value: Any) -> Breach | None:
    """Return how reading fails."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        messages.read(kind, payload)
    except ContractError as error:
        return error.breach
    return None


def test_a_birth_is_read() -> None:
    """The documented shape is accepted, and the epoch compares by generation, then counter."""
    birth = messages.read(messages.Birth, json.dumps(BIRTH).encode())
    assert birth.epoch == Epoch(1, 2)
    assert Epoch(1, 9) < Epoch(2, 1) < Epoch(2, 2)
    assert birth.clock is ClockState.OK
    assert birth.software.version == "1.0"


@pytest.mark.parametrize("offset", [2**53, -(2**53), 10**30])
def test_a_number_that_fits_no_double_is_refused(offset: int) -> None:
    """A clock's offset has a bound on either side, like every number."""
    beat = {
        "epoch": [1, 2],
        "boot": BOOT,
        "at": 5,
        "clock": "ok",
        "uptime_s": 1,
        "outbox": 0,
        "verifier_online": True,
        "counters": {},
    }
    assert breach(messages.Beat, beat | {"clock_offset_ms": -(2**53) + 1}) is None
    assert breach(messages.Beat, beat | {"clock_offset_ms": offset}) is Breach.PAYLOAD_MALFORMED


@pytest.mark.parametrize("field", list(BIRTH))
def test_a_missing_field_is_refused(field: str) -> None:
    """Every field of a birth is needed."""
    rest = {name: value for name, value in BIRTH.items() if name != field}
    assert breach(messages.Birth, rest) is Breach.PAYLOAD_MALFORMED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", [1]),
        ("epoch", [1, 2, 3]),
        ("epoch", [0, 1]),
        ("epoch", [1, 0]),
        ("epoch", [1.5, 1]),
        ("epoch", {"generation": 1, "counter": 1}),
        ("boot", "0" * 31),
        ("boot", "G" * 32),
        ("boot", BOOT + "\n"),
        ("at", -1),
        ("at", "5"),
        ("at", 2**53),
        ("clock", "fine"),
        ("software", {"name": "", "version": "1"}),
        ("software", {"name": "x" * 65, "version": "1"}),
        ("software", {"name": "x", "version": "1", "more": 1}),
        ("bundles", {"Trust": 1}),
        ("bundles", {f"b{number}": 1 for number in range(33)}),
        ("capabilities", [1]),
        ("capabilities", ["a"] * 33),
        ("result_from", 0),
        ("surprise", 1),
    ],
)
def test_a_wrong_field_is_refused(field: str, value: Any) -> None:
    """Wrong types, out of bounds and unknown fields are refused."""
    assert breach(messages.Birth, {**BIRTH, field: value}) is Breach.PAYLOAD_MALFORMED


def test_length_is_bounded_both_ways() -> None:
    """A payload over 8 KB is refused unread, and never written."""
    assert breach(messages.Birth, b" " * 8193) is Breach.PAYLOAD_LONG
    long = messages.Desired(version=1, base=0, changes={"text": "x" * 9000})
    with pytest.raises(ContractError) as caught:
        messages.encode(long)
    assert caught.value.breach is Breach.PAYLOAD_LONG


@pytest.mark.parametrize("levels", [MAX_DEPTH, 500, 3900])
def test_deep_nesting_is_refused(levels: int) -> None:
    """At our own bound, not where an interpreter ends."""
    deep = b'{"version":1,"base":0,"changes":{"a":' + b"[" * levels + b"]" * levels + b"}}"
    assert breach(messages.Desired, deep) is Breach.PAYLOAD_MALFORMED


@pytest.mark.parametrize("state", list(ResultState))
@pytest.mark.parametrize("code", list(ResultCode))
def test_results_use_the_closed_words(state: ResultState, code: ResultCode) -> None:
    """Every state and code is readable, another is not."""
    value = {**RESULT, "state": state, "code": code}
    assert breach(messages.Result, value) is None
    assert breach(messages.Result, {**value, "state": "done"}) is Breach.PAYLOAD_MALFORMED
    assert breach(messages.Result, {**value, "code": "because"}) is Breach.PAYLOAD_MALFORMED


def test_terminals_ignore_what_is_new() -> None:
    """Messages to terminals may gain fields."""
    ack = {"generation": 1, "reported": 2, "result": 3, "later": True}
    assert breach(messages.Ack, ack) is None
    assert {rule.name for rule in TABLE if _strict(rule.message)} == {
        rule.name for rule in TABLE if rule.publisher is Party.TERMINAL
    }


def _strict(kind: type[messages.Message]) -> bool:
    return kind.__struct_config__.forbid_unknown_fields


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(payload: bytes) -> None:
    """No payload raises anything but the one error."""
    for rule in TABLE:
        assert breach(rule.message, payload) in (None, Breach.PAYLOAD_MALFORMED)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.sampled_from(sorted(BIRTH)),
)
def test_any_json_in_a_field_is_refused_or_kept(value: Any, field: str) -> None:
    """Whatever a field holds, reading ends with a message or the one error."""
    assert breach(messages.Birth, {**BIRTH, field: value}) in (
        None,
        Breach.PAYLOAD_MALFORMED,
        Breach.PAYLOAD_LONG,
    )


@given(
    st.integers(1, messages.MAX_GENERATION),
    st.integers(1, 2**53 - 1),
    st.sampled_from(ResultState),
    st.sampled_from(ResultCode),
)
def test_results_survive_writing(
    generation: int, sequence: int, state: ResultState, code: ResultCode
) -> None:
    """What is written is read back equal."""
    result = messages.Result(
        epoch=Epoch(generation, 1),
        boot=BOOT,
        sequence=sequence,
        at=0,
        command="f" * 32,
        state=state,
        code=code,
    )
    assert messages.read(messages.Result, messages.encode(result)) == result


def test_a_command_says_its_type() -> None:
    """A command of an unknown type is malformed for this software."""
    command = messages.Command(id="a" * 32, type=CommandType.OPEN_GATE, issued_at=1, expires_at=2)
    assert messages.read(messages.Command, messages.encode(command)) == command
    other = msgspec.to_builtins(command) | {"type": "wipe"}
    assert breach(messages.Command, other) is Breach.PAYLOAD_MALFORMED

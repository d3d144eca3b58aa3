"""Grants: sealed, read back, and nothing that is not a grant."""

from typing import Any

import msgspec
import pytest

from tests.support.city import GRANT
from tests.support.keys import GRANTS
from verifier.contract.cbor import encode
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.grant import MAX_GRANT_BYTES, read_grant, seal_grant

BODY: dict[str, Any] = msgspec.to_builtins(GRANT)


def test_round_trip() -> None:
    """A grant comes out of its envelope as it went in."""
    sealed = seal_grant(GRANT, kid=GRANTS.kid, sign=GRANTS.sign)
    assert read_grant(take_apart(sealed).payload) == GRANT
    assert len(sealed) < MAX_GRANT_BYTES


WRONG: dict[str, dict[str, Any]] = {
    "version 0": BODY | {"version": 0},
    "generation 0": BODY | {"generation": 0},
    "generation below zero": BODY | {"generation": -1},
    "version true": BODY | {"version": True},
    "a state we do not know": BODY | {"state": "resting"},
    "a scope we do not know": BODY | {"scopes": ["all"]},
    "a direction we do not know": BODY | {"direction": "up"},
    "a member more": BODY | {"role": "admin"},
    "a member less": {name: value for name, value in BODY.items() if name != "gate"},
    "a place that is a number": BODY | {"place": 1},
    "longer than any grant": BODY | {"gate": "g" * MAX_GRANT_BYTES},
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name: str) -> None:
    """Unknown means no."""
    with pytest.raises(MalformedError):
        read_grant(encode(WRONG[name]))


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xa0", b"\x80", b"\xf6"])
def test_payloads_of_another_shape(payload: bytes) -> None:
    """Nothing, a number, an empty map, an array, null."""
    with pytest.raises(MalformedError):
        read_grant(payload)

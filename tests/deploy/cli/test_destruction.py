"""`kapok destruction verify` where no house runs; it and `kapok person` called wrongly."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.keys import STRANGER
from verifier.contract.destruction import TYPE, Destruction, seal_destruction
from verifier.contract.vocabulary import Plane
from verifier.issuing import signing_key
from verifier.issuing.signing_key import SigningKey

FILE = "destroyed-1-health.cbor"


def certificate(key: SigningKey, **changes: Any) -> bytes:
    """Sign the end of the health plane."""
    now = int(time.time())
    values: dict[str, Any] = {
        "type": TYPE, "version": 8, "iat": now, "began": now - 2, "iss": "440100", "list": 1,
        "plane": Plane.HEALTH, "size": 100, "counts": {0: 90, 1: 10}, "last": 7,
        "chain": bytes(16), "snapshot": bytes(32), "reason": "it is over", "by": ("hao", "ling"),
    }  # fmt: skip
    document = Destruction(**values | changes)
    return seal_destruction(document, kid=key.kid, algorithm=key.algorithm, sign=key.sign)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with a certificate that holds."""
    data = data_folder.made(tmp_path)
    key = signing_key.load((data / "keys" / "status.pem").read_bytes())
    (data / "destructions" / FILE).write_bytes(certificate(key))
    return data


def test_a_certificate_holds_and_nothing_is_left(data: Path) -> None:
    """Who, why, how many had which value; the search says what it looked through."""
    ran = kapok("destruction", "verify", data / "destructions" / FILE, "--data", data)
    assert ran.code == 0
    assert "hao and ling: it is over" in ran.out
    assert "90 of value 0, 10 of value 1" in ran.out
    assert str(data) in ran.out.splitlines()[-1]


def test_what_is_left_is_found(data: Path) -> None:
    """In the store's file or in a terminal's slot: each file by name, and the exit code says so."""
    store = data / "redis" / "appendonly.aof.1.incr.aof"
    store.write_bytes(b"*3\r\n$3\r\nSET\r\n$25\r\nv:{status}:plane:1:health\r\n")
    ran = kapok("destruction", "verify", data / "destructions" / FILE, "--data", data)
    assert (ran.code, str(store) in ran.out) == (1, True)
    asked = ("destruction", "verify", data / "destructions" / FILE, "--no-search", "--data", data)
    assert kapok(*asked).code == 0


@pytest.mark.parametrize("wrong", ["another key", "one byte", "cut", "another list"])
def test_a_certificate_that_does_not_hold_is_refused(data: Path, wrong: str) -> None:
    """By one sentence; nothing of it is shown."""
    path = data / "destructions" / FILE
    whole = path.read_bytes()
    key = signing_key.load((data / "keys" / "status.pem").read_bytes())
    path.write_bytes(
        {
            "another key": certificate(STRANGER),
            "one byte": whole[:60] + bytes((whole[60] ^ 1,)) + whole[61:],
            "cut": whole[:-1],
            "another list": certificate(key, list=2),
        }[wrong]
    )
    ran = kapok("destruction", "verify", path, "--data", data)
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("destruction", "verify", "absent.cbor"),
        ("destruction", "propose", "revocation", "--reason", "order", "--text", "x", "--as", "hao"),
        ("destruction", "propose", "health", "--reason", "contact", "--text", "x", "--as", "hao"),
        ("person", "show", "--reason", "own_request", "--as", "hao"),
        ("person", "show", "--person", "1", "--reference", "abcd", "--reason", "own_request",
         "--as", "hao"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_refused(data: Path, arguments: tuple[str, ...]) -> None:
    """With one sentence and the code of a wrong call, before any door is asked."""
    ran = kapok(*arguments, "--data", data)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1

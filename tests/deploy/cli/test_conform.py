"""`kapok conform` as a process: answers in order, each flushed, bad lines answered, exit 0."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.health import health_text
from verifier.conform.lines import MAX_LINE_BYTES

ROOT: Final = Path(__file__).resolve().parents[3]
COMMAND: Final = (sys.executable, "-m", "deploy.cli", "conform")
DEADLINE: Final = 60
"""Seconds; a start takes one."""
LIST: Final = {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}


def run(name: str, lines: bytes) -> list[Any]:
    """Feed lines to a command until its end; return the answers."""
    done = subprocess.run(
        (*COMMAND, name), input=lines, capture_output=True, cwd=ROOT, timeout=DEADLINE, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_answers_in_order_and_bad_lines_spoil_only_themselves() -> None:
    """Blank lines are skipped; the last needs no line end; nothing at all is no error."""
    lines = [json.dumps({"id": n, "index": n, **LIST}).encode() for n in range(3)]
    fed = b"\n \r\n" + lines[0] + b"\r\nnonsense\n\n" + lines[1] + b"\n" + lines[2]
    found = run("statuslist", fed)
    assert [answer["id"] for answer in found] == [0, None, 1, 2]
    assert [answer.get("status") for answer in found] == [1, None, 0, 0]
    assert run("statuslist", b"") == []


def test_a_line_that_is_too_long_is_passed_over() -> None:
    """It is answered, not kept, and the next one is judged; also when it never ends."""
    line = json.dumps({"id": 1, "index": 0, **LIST}).encode()
    endless = b"x" * (MAX_LINE_BYTES * 2 + 1)
    found = run("statuslist", endless + b"\n" + line + b"\n" + endless)
    too_long = {"id": None, "error": "line.too_long"}
    assert found == [too_long, {"id": 1, "status": 1}, too_long]


def test_the_longest_line_is_judged() -> None:
    """Sixteen MiB and a line end."""
    line = json.dumps({"id": 1, "index": 0, **LIST}).encode()[:-1]
    filled = line + b',"x":"' + b" " * (MAX_LINE_BYTES - len(line) - 8) + b'"}'
    assert len(filled) == MAX_LINE_BYTES
    assert run("statuslist", filled + b"\r\n") == [{"id": 1, "status": 1}]


@pytest.fixture
def talking() -> Iterator[subprocess.Popen[bytes]]:
    """Start `codes` with pipes left open."""
    pipe = subprocess.PIPE
    with subprocess.Popen((*COMMAND, "codes"), stdin=pipe, stdout=pipe, cwd=ROOT) as process:
        yield process


def test_each_answer_is_flushed(talking: subprocess.Popen[bytes]) -> None:
    """A line is answered before the next is sent; the end of input is exit 0."""
    assert talking.stdin is not None
    assert talking.stdout is not None
    jwk = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
    for keys, word in (([], "outcome"), ([{"jwk": jwk}], "error")):
        line = {"id": 1, "text": health_text(), "at": "2023-11-14T22:13:20Z", "keys": keys}
        talking.stdin.write(json.dumps(line).encode() + b"\n")
        talking.stdin.flush()
        assert word in json.loads(talking.stdout.readline())
    talking.stdin.close()
    assert talking.wait(DEADLINE) == 0


def test_rules_speak_the_same_protocol() -> None:
    """One rule, one bad line."""
    line = json.dumps({"id": "r", "logic": {"===": [{"var": "a"}, 1]}, "data": {"a": 1}}).encode()
    good, bad = run("rules", line + b"\n[]\n")
    assert good == {"id": "r", "result": True}
    assert bad["id"] is None

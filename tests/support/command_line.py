"""The command line in this process: arguments and standard input in; exit code and output out."""

import contextlib
import io
import sys
from typing import NamedTuple

import pytest

from deploy.cli.app import main


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


def kapok(*arguments: object, stdin: bytes = b"") -> Ran:
    """Run a kapok command; its input is a pipe, its output no terminal."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["kapok", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        patch.setenv("COLUMNS", "120")
        patch.setenv("LANG", "C.UTF-8")
        code = main()
    return Ran(code, *(_text(stream) for stream in (out, err)))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()

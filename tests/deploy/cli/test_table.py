"""The table of commands is that of their files, and a call imports what it needs alone."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.cli.app import commands_of
from deploy.cli.table import COMMANDS

CLONE = Path(__file__).resolve().parents[3]
FILES = CLONE / "deploy" / "cli"
HEAVY = frozenset(
    {
        *("aiohttp", "asyncio", "cbor2", "cryptography", "fleet", "firmware_stubs", "hiredis"),
        *("msgspec", "numpy", "paho", "PIL", "psutil", "pyarrow", "pydantic", "pyzbar", "qrcode"),
        *("redis", "rich", "ssl", "structlog", "uvloop", "verifier", "zxingcpp"),
    }
)
"""What no call needs that does nothing with a house."""
JUDGES = frozenset({"cryptography", "numpy", "PIL", "pyarrow", "pyzbar", "zxingcpp"})
"""What only a command needs that judges codes or reads day files."""
CALL = """
import contextlib, io, json, sys
from deploy.cli.app import main
sys.argv = ["kapok", *sys.argv[1:]]
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    code = main()
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules}),
                  sorted(name for name in sys.modules if name.startswith("deploy.cli."))]))
"""


def imported(*arguments: str) -> tuple[frozenset[str], frozenset[str]]:
    """Call kapok in a process of its own; return the packages and the files of commands in it."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CLONE), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        check=True,
    )
    code, packages, files = json.loads(done.stdout)
    assert code == 0 or not arguments
    return frozenset(packages), frozenset(files)


@pytest.mark.parametrize(
    "arguments", [("version",), ("--help",), (), ("version", "--help"), ("test", "--help")]
)
def test_a_call_without_a_house_is_light(arguments: tuple[str, ...]) -> None:
    """No package is imported that the call does not use."""
    packages, _ = imported(*arguments)
    assert packages & HEAVY == frozenset()


def test_a_call_imports_no_other_command() -> None:
    """A file of commands, and what stands beside it for all."""
    _, before = imported("--help")
    _, files = imported("records", "--help")
    assert before == {"deploy.cli.app", "deploy.cli.table"}
    assert files - before == {"deploy.cli.records", "deploy.cli.data_option", "deploy.cli.tables"}


@pytest.mark.parametrize("name", ["terminals", "scan", "terminal", "command", "audit", "operator"])
def test_a_command_that_asks_a_door_judges_nothing(name: str) -> None:
    """The doors' client is enough."""
    packages, _ = imported(name, "--help")
    assert packages & JUDGES == frozenset()


def test_the_check_sees_what_a_command_imports() -> None:
    """`kapok verify` judges codes, so it has what the others must not have."""
    packages, _ = imported("verify", "--help")
    assert packages >= {"cryptography", "numpy", "zxingcpp"}


def test_every_file_of_commands_stands_in_the_table() -> None:
    """By the names that it registers."""
    files = {path.stem for path in FILES.glob("*.py") if "\ndef register(" in path.read_text()}
    assert {row.file for row in COMMANDS} == files
    for file in files:
        rows = [row.name for row in COMMANDS if row.file == file]
        assert sorted(rows) == sorted(commands_of(file))


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_the_line_of_help_is_the_command_s_own(row: tuple[str, str, str]) -> None:
    """The first paragraph of what `kapok COMMAND --help` says."""
    name, file, line = row
    told = inspect.cleandoc(commands_of(file)[name].help or "")
    assert " ".join(told.split("\n\n")[0].split()) == line

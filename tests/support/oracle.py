"""python-cwt, a second opinion on what we sign, in an environment of its own.

It pins an older cbor2 than ours and therefore lives beside `.venv`, in `.venv-oracle`, which is
made from requirements-oracle.lock on first use. Afterwards no network is used. What runs in it are
files that import nothing of ours; everything here runs outside.
"""

import fcntl
import hashlib
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = ".venv-oracle"
MARKER: Final = "kapok-lock"
BUILD_DEADLINE_S: Final = 300
"""Seconds for each step of building; it takes about ten."""
ANSWER_DEADLINE_S: Final = 30.0
"""Seconds for one answer; it takes milliseconds."""
END_DEADLINE_S: Final = 10.0


class OracleError(Exception):
    """The environment could not be made, or the process in it gave no answer."""


def oracle_python(root: Path = ROOT) -> Path:
    """Return the Python of the oracle's environment, which is made if it is not there.

    Raises:
        OracleError: it could not be made; the message says why.
    """
    environment = root / ENVIRONMENT
    python = environment / "bin" / "python"
    wanted = _wanted(root)
    if _is_complete(environment, wanted):
        return python
    lock = root / ".kapok" / "oracle.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as file:
        # Two runs at the same moment: the second waits, then finds everything done.
        fcntl.flock(file, fcntl.LOCK_EX)
        if not _is_complete(environment, wanted):
            _build(root, environment, wanted)
    return python


def _wanted(root: Path) -> str:
    """Return what the marker of a whole environment says."""
    digest = hashlib.sha256((root / "requirements-oracle.lock").read_bytes()).hexdigest()
    return f"python {sys.version_info[0]}.{sys.version_info[1]}\noracle {digest}\n"


def _is_complete(environment: Path, wanted: str) -> bool:
    marker = environment / MARKER
    return marker.is_file() and marker.read_text() == wanted


def _build(root: Path, environment: Path, wanted: str) -> None:
    # An environment can be renamed as long as only its `bin/python` is used, never a script.
    new = environment.with_name(f"{ENVIRONMENT}.new")
    shutil.rmtree(new, ignore_errors=True)
    _run(root, sys.executable, "-I", "-m", "venv", str(new))
    _run(
        root,
        *(str(new / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", "--no-input"),
        *("--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"),
        *("-r", "requirements-oracle.lock"),
    )
    (new / MARKER).write_text(wanted)
    (new / MARKER).chmod(0o644)
    shutil.rmtree(environment, ignore_errors=True)
    new.rename(environment)


def _run(root: Path, *arguments: str) -> None:
    # 022: made by root, it serves whoever runs the tests next.
    done = subprocess.run(
        arguments,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
        umask=0o022,
        check=False,
    )
    if done.returncode:
        raise OracleError(f"{' '.join(arguments)}\n{done.stderr[-2000:]}")


def oracle_environment() -> dict[str, str]:
    """Return the environment variables of a process of the oracle: nobody's module path."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class Oracle:
    """A running oracle: one question, one answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, do: str, **question: Any) -> dict[str, Any]:
        """Ask tests/support/oracle_process.py; the answer is its JSON object.

        Raises:
            OracleError: no answer in time, or the process ended.
        """
        into, out = self._process.stdin, self._process.stdout
        if into is None or out is None:
            raise OracleError("the oracle has no pipes")
        into.write(json.dumps({"do": do} | question).encode() + b"\n")
        into.flush()
        if not select.select([out], [], [], ANSWER_DEADLINE_S)[0]:
            raise OracleError("the oracle gave no answer in time")
        line = out.readline()
        if not line:
            raise OracleError("the oracle ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def oracle() -> Iterator[Oracle]:
    """Run the oracle."""
    process = subprocess.Popen(
        [str(oracle_python()), "-I", str(ROOT / "tests" / "support" / "oracle_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=oracle_environment(),
    )
    try:
        yield Oracle(process)
    finally:
        process.kill()
        process.communicate(timeout=END_DEADLINE_S)

"""The suite as two runs of pytest side by side, since most of the time is waiting.

What stands in BESIDE takes about as long as all the rest. It runs beside the rest into a file, and
is printed when that has ended: its output is whole and no two lines mix. Both share nothing: a run
has its own processes, ports and folders. A folder that no table names runs with the rest.

The quick suite is every test that runs no house, and beside it a few of each way through one.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

BESIDE: Final = tuple(f"tests/integration/{room}" for room in ("deploy", "fleet", "verifier"))
"""The half of the whole suite that runs beside the other."""
LEFT_OUT: Final = ("tests/integration", "tests/acceptance", "tests/deploy/test_kapok_script.py")
"""What the quick suite leaves out but for WAYS: houses, and a set-up with its downloads."""
QUICK_BESIDE: Final = "tests/deploy"
"""The half of the quick suite that runs beside the other, with WAYS."""
WAYS: Final = (
    "tests/integration/verifier/test_scans.py",
    "tests/integration/fleet/test_commands.py",
    "tests/integration/verifier/test_issuing.py",
    "tests/integration/firmware_stubs/test_real_worker.py",
)
"""A scan through a real worker; a command through a real broker; a credential through the issuing
process; a terminal that was cut off, and what it uploads."""
_PYTEST: Final = (sys.executable, "-m", "pytest")
_Run = subprocess.Popen[bytes]


def run_rings(root: Path) -> int:
    """Run every test of a clone; return the first exit code that is not 0."""
    return _side_by_side(root, [f"--ignore={folder}" for folder in BESIDE], BESIDE)


def run_quick(root: Path) -> int:
    """Run the quick suite of a clone; return the first exit code that is not 0."""
    left_out = [f"--ignore={path}" for path in LEFT_OUT]
    return _side_by_side(
        root,
        (*left_out, f"--ignore={QUICK_BESIDE}"),
        (f"--ignore={LEFT_OUT[-1]}", QUICK_BESIDE, *WAYS),
    )


def _side_by_side(root: Path, front: Sequence[str], beside: Sequence[str]) -> int:
    runs: list[_Run] = []
    with tempfile.TemporaryFile() as output, _ending_with_us(runs):
        second = _start(root, "-p", "no:cacheprovider", *beside, output=output)
        runs.append(second)
        first = _start(root, *front)
        runs.append(first)
        ended = [first.wait()]
        if second.poll() is None:
            print("still running:", *beside, flush=True)  # noqa: T201 - a person waits
        ended.append(second.wait())
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.buffer.flush()
    return next((code for code in ended if code), 0)


def _start(root: Path, *arguments: str, output: IO[bytes] | None = None) -> _Run:
    return subprocess.Popen((*_PYTEST, *arguments), cwd=root, stdout=output, stderr=output)


@contextlib.contextmanager
def _ending_with_us(runs: Sequence[_Run]) -> Iterator[None]:
    """Let the runs end in their own order: pytest stops at SIGINT what its tests have started.

    Ctrl-C reaches all of the foreground by itself; SIGTERM is meant for us, so we hand it on. From
    before the first one: a run that inherits an ignored SIGINT, as in the background of a script,
    would not end.
    """

    def hand_on(*_: object) -> None:
        for run in runs:
            run.send_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, lambda *_: None), signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])

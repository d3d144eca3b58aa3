"""The whole suite as two runs of pytest side by side, since most of the time is waiting.

What stands in BESIDE takes about as long as all the rest. It runs beside the rest into a file, and
is printed when that has ended: its output is whole and no two lines mix. Both share nothing: a run
has its own processes, ports and folders.
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
_PYTEST: Final = (sys.executable, "-m", "pytest")
_Run = subprocess.Popen[bytes]


def run_rings(root: Path) -> int:
    """Run every test of a clone; return the first exit code that is not 0."""
    with tempfile.TemporaryFile() as output:
        beside = _start(root, "-p", "no:cacheprovider", *BESIDE, output=output)
        front = _start(root, *(f"--ignore={folder}" for folder in BESIDE))
        with _ending_with_us((front, beside)):
            first = front.wait()
            if beside.poll() is None:
                print("still running:", *BESIDE, flush=True)  # noqa: T201 - a person waits
            second = beside.wait()
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.buffer.flush()
    return first or second


def _start(root: Path, *arguments: str, output: IO[bytes] | None = None) -> _Run:
    return subprocess.Popen((*_PYTEST, *arguments), cwd=root, stdout=output, stderr=output)


@contextlib.contextmanager
def _ending_with_us(runs: Sequence[_Run]) -> Iterator[None]:
    """Let the runs end in their own order: pytest stops at SIGINT what its tests have started.

    Ctrl-C reaches all of the foreground by itself; SIGTERM is meant for us, so we hand it on.
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

"""cli.*: processor time of a call of `kapok` that does nothing with a house."""

import os
import subprocess
import sys
from typing import Final

from tests.bench.rows import ROUNDS, emit

CALLS: Final = {"cli.version": ("version",), "cli.help": ("--help",)}
"""Row -> arguments."""


def run() -> None:
    """Measure each; the best of several calls, since the first one reads files from disk."""
    best = dict.fromkeys(CALLS, float("inf"))
    for _ in range(ROUNDS):
        for name, arguments in CALLS.items():
            best[name] = min(best[name], _spent(arguments))
    for name, seconds in best.items():
        emit(name, seconds * 1000, "ms of processor")


def _spent(arguments: tuple[str, ...]) -> float:
    before = os.times()
    command = (sys.executable, "-m", "deploy.cli", *arguments)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])

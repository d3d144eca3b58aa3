"""`python -m tests.soak [SECONDS] [SEED]`: what `kapok soak` runs.

Damages inputs of every parser until the time is up: nothing but the allowed errors may come out,
and no input may take long. A finding is printed with its parser and its bytes, and ends it.
"""

import contextlib
import random
import sys
import time
from typing import Final

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.soak.mutations import damaged
from tests.soak.parsers import Parser, parsers

DEFAULT_S: Final = 60.0
SLOW_S: Final = 0.25
"""Longest that an input may take, looked at twice: machines are shared. Most take microseconds."""
ROUND: Final = 200
"""Inputs of one parser in a row."""


def attack(parser: Parser, source: random.Random) -> str | None:
    """Try one damaged input; return what is wrong with how it was taken, or None."""
    data = damaged(source, parser.corpus)
    started = time.perf_counter()
    try:
        parser.parse(data)
    except parser.allowed:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return f"{parser.name}: {type(error).__name__}: {error} from {data.hex()}"
    if time.perf_counter() - started > SLOW_S and _again(parser, data) > SLOW_S:
        return f"{parser.name}: slower than {SLOW_S} s on {data.hex()}"
    return None


def _again(parser: Parser, data: bytes) -> float:
    started = time.perf_counter()
    with contextlib.suppress(*parser.allowed):
        parser.parse(data)
    return time.perf_counter() - started


def main(arguments: list[str]) -> int:
    """Attack until the time is up; return the exit code."""
    seconds = float(arguments[0]) if arguments else DEFAULT_S
    seed = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(1 << 32)
    source, all_parsers = random.Random(seed), parsers()
    tried, began = 0, time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(f"seed {seed}", total=seconds)
        while (spent := time.monotonic() - began) < seconds:
            progress.update(task, completed=spent, description=f"seed {seed}, {tried} inputs")
            for parser in all_parsers:
                for _ in range(ROUND):
                    found = attack(parser, source)
                    if found is not None:
                        print(f"seed {seed}: {found}", file=sys.stderr)  # noqa: T201
                        return 1
                tried += ROUND
    print(f"seed {seed}: {tried} inputs to {len(all_parsers)} parsers, no finding")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

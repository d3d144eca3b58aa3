"""Time from a camera's frame to texts: the part of `terminal.scan` before any verification.

Rules of this file. Frames are 1280 x 720 with one version 12 symbol each, every code different,
made before the clock starts; what is timed is `verifier.barcode.scan.scan` alone. A frame that does
not give exactly its text fails the run: a fast wrong answer is no figure.
"""

import json
import statistics
import sys
import time

from firmware_stubs.edge.scene import Scene, photograph
from tests.support.codes import cc1_text
from verifier.barcode.decoded import Frame
from verifier.barcode.render import symbol, to_png
from verifier.barcode.scan import scan

FRAMES = 60
"""Enough for a median that stays within a tenth; more would measure the camera's simulation."""
ROUNDS = 3
"""Each frame counts with its best round: machines are shared."""


def frames(count: int = FRAMES, scene: Scene | None = None) -> list[tuple[str, Frame]]:
    """Photograph `count` different codes; seeds and texts are fixed."""
    made = []
    for seed in range(count):
        text = cc1_text(seed=seed)
        made.append((text, photograph(to_png(symbol(text)), scene or Scene(), seed=seed)))
    return made


def rows(seen: list[tuple[str, Frame]]) -> list[dict[str, object]]:
    """Measure; milliseconds, median and 99th percentile over the frames.

    Raises:
        ValueError: a frame did not give exactly its text.
    """
    best = [min(_milliseconds(text, frame) for _ in range(ROUNDS)) for text, frame in seen]
    figures = {"median": statistics.median(best), "p99": statistics.quantiles(best, n=100)[98]}
    return [
        {
            "name": f"terminal.scan.picture.{name}",
            "value": round(value, 3),
            "unit": "ms",
            "ratio": None,
            "ratio_to": "absolute",
        }
        for name, value in figures.items()
    ]


def _milliseconds(text: str, frame: Frame) -> float:
    start = time.perf_counter()
    texts = scan(frame)
    elapsed = time.perf_counter() - start
    if texts != (text,):
        raise ValueError("a frame was not read exactly")
    return 1000 * elapsed


if __name__ == "__main__":
    for row in rows(frames()):
        sys.stdout.write(json.dumps(row) + "\n")

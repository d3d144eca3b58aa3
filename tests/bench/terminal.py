"""Rows terminal.scan.*: a 1280x720 camera frame to a decision, offline, its record on disk.

The frame is what a camera gives, an array of grey values: a person's phone, tilted, blurred and
noisy, each another person's. Timed are lens, assessment with the whole city's status, claims and
record in one SQLite transaction. A frame that does not pass fails the run.
"""

import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from firmware_stubs.bundles import Bundles
from firmware_stubs.edge.offline import Alone, decide_frame
from firmware_stubs.edge.scene import Scene, photograph
from firmware_stubs.outbox import Bounds
from tests.bench.codes import City, city, issue, now
from tests.bench.rows import emit, progress
from tests.support.terminal_state import storage_in
from verifier.barcode.render import symbol, to_png
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.reasons import Language
from verifier.contract.vocabulary import Outcome
from verifier.issuing import signing_key
from verifier.issuing.publisher import seal_root
from verifier.policy.profiles import Profiles
from verifier.steps.course import Clock

FRAMES: Final = 150
"""Frames; the 99th percentile is then the second slowest."""


def run() -> None:
    """Measure and print."""
    progress(f"terminal: photographing {FRAMES} codes")
    key, at = signing_key.generate(), now()
    codes = issue(FRAMES, key, at)
    frames = [
        photograph(to_png(symbol(text)), Scene(), seed=seed)
        for seed, text in enumerate(codes.presentations)
    ]
    with tempfile.TemporaryDirectory(prefix="kapok-bench-") as folder:
        alone = _terminal(Path(folder), city(key, at), at)
        progress("terminal.scan")
        spent = []
        for frame in frames:
            started = time.perf_counter()
            answer = decide_frame(frame, alone, clock=Clock(now=at), random=os.urandom(6))
            spent.append((time.perf_counter() - started) * 1e3)
            if answer.decision is not Outcome.PASS:
                raise ValueError(f"a frame did not pass: {answer.reason}")
    for name, value in (
        ("median", statistics.median(spent)),
        ("p99", statistics.quantiles(spent, n=100)[98]),
    ):
        emit(f"terminal.scan.{name}", value, "ms")


def _terminal(folder: Path, place: City, at: int) -> Alone:
    """Make a terminal that holds the city; bundles of this size take seconds to sign and open."""
    root = signing_key.generate()
    document = RootDocument(
        type="root",
        version=1,
        iat=at,
        exp=at + 3600,
        root_keys=(RootKey(spki=root.spki),),
        threshold=1,
        bundle_keys=(RootKey(spki=root.spki),),
    )
    bundles = Bundles(seal_root(document, [root]), floors={}, slots={})
    profiles = Profiles((place.profile.profile,), 1)
    bundles.known = replace(place.known, profiles=profiles)
    storage = storage_in(
        folder, bundles, bounds=Bounds(), language=Language.ZH, person_key=os.urandom(32)
    )
    return Alone(
        grant=place.grant, language=Language.ZH, storage=storage, log=structlog.get_logger()
    )

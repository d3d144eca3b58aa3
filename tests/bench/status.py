"""Rows status.*: the health plane of 18.7 million people, as a worker and a terminal hold it.

On the list that `kapok up --people` makes for them, coloured as a city is. Everything goes through
`TrustedSet`, signatures included: from signed bytes to a plane that answers.
`python -m tests.bench.status FOLDER` is the process whose memory is measured.
"""

import asyncio
import ctypes
import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from deploy.city.maker import COLOURS
from deploy.local.lists import sizes_for
from deploy.local.trust import ISSUER, LIST, LIST_URI
from tests.bench.codes import PEOPLE, now
from tests.bench.rows import Case, emit, interleaved, progress
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.status import MAX_DELTA_CHANGES
from verifier.contract.vocabulary import Plane
from verifier.issuing import signing_key
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import TrustSource, key_entry, seal_bundle, seal_root
from verifier.status.changes import pack_changes
from verifier.status.plane import BITS, PackedValues, PlaneView, Status, pack
from verifier.trust.bundle import TrustedSet

LOOKUPS: Final = 200_000
ROUNDS: Final = 7
"""Deltas, each of 100,000 changes and another one."""
_DAY: Final = 86_400
_MEGA: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What lies on the shelf."""

    root: bytes
    trust: bytes
    snapshot: bytes
    deltas: tuple[bytes, ...]

    def trusting(self) -> TrustedSet:
        """Return a set that has the trust bundle and no plane yet."""
        trusted = TrustedSet(self.root)
        trusted.take_trust(self.trust, now())
        return trusted


def run() -> None:
    """Measure and print."""
    progress("status: a city's plane")
    published = _publish(now())
    size = len(published.snapshot)
    emit("status.load", _best(lambda: _load(published)), "s", signed_octets=size)
    trusted = published.trusting()
    view = trusted.take_status(published.snapshot, now()).value
    indices = random.sample(range(view.values.size), LOOKUPS)
    seconds, status = _deltas(published, trusted, view)
    emit("status.delta", seconds * 1e3, "ms", changes=MAX_DELTA_CHANGES)
    changed = status.plane(LIST, Plane.HEALTH)
    if changed is None:
        raise ValueError("the plane is gone")
    # As it is after a snapshot, and after a delta; a scan looks once.
    for kind, values in (("snapshot", view.values), ("delta", changed.values)):
        best = interleaved({"lookup": Case(call=values.__getitem__, items=indices)})
        emit("status.lookup", best["lookup"] * 1e6, "us", after=kind)
    held, resident = asyncio.run(_memory(published))
    emit("status.memory", held / _MEGA, "MB", resident=round(resident / _MEGA, 2))


def _load(published: Published) -> float:
    trusted = published.trusting()
    start = time.perf_counter()
    view = trusted.take_status(published.snapshot, now()).value
    view.values[view.values.size - 1]
    return time.perf_counter() - start


def _best(timed: Callable[[], float]) -> float:
    return min(timed() for _ in range(ROUNDS))


def _deltas(published: Published, trusted: TrustedSet, view: PlaneView) -> tuple[float, Status]:
    """Take all deltas; return the best time of one, and what they lead to."""
    status, best = Status({(LIST, Plane.HEALTH): view}), float("inf")
    for data in published.deltas:
        start = time.perf_counter()
        taken = trusted.take_delta(data, status, now())
        status = status.replaced(LIST, Plane.HEALTH, taken.value)
        best = min(best, time.perf_counter() - start)
    return best, status


def _publish(at: int) -> Published:
    size, chance = sizes_for(PEOPLE).people, np.random.default_rng(1)
    values = np.zeros(size, np.uint8)
    values[chance.permutation(size)[:PEOPLE]] = chance.choice(4, PEOPLE, p=COLOURS)
    packed = PackedValues(bits=2, size=size, data=pack(values, BITS[Plane.HEALTH]))
    root, bundle, status = (signing_key.generate() for _ in range(3))
    source = TrustSource(
        keys=(
            key_entry(
                status.spki,
                algorithm=status.algorithm,
                uses=("status",),
                not_before=at - _DAY,
                expires=at + _DAY,
                lists=(LIST,),
            ),
        ),
        lists={LIST: LIST_URI},
        sectors_enabled=(),
    )
    document = RootDocument(
        type="root", version=1, iat=at - _DAY, exp=at + _DAY, threshold=1,
        root_keys=(RootKey(spki=root.spki),), bundle_keys=(RootKey(spki=bundle.spki),),
    )  # fmt: skip
    trust = source.document(version=1, issued_at=at, expires=at + _DAY)
    signer = PlaneSigner(
        issuer=ISSUER, uri=LIST_URI, list_number=LIST, plane=Plane.HEALTH, key=status
    )
    view, deltas = PlaneView(values=packed, version=1, as_of=at), []
    snapshot = signer.snapshot(view)
    for _ in range(ROUNDS):
        persons = chance.permutation(size)[:MAX_DELTA_CHANGES]
        colours = chance.integers(1, 4, MAX_DELTA_CHANGES)
        pairs = zip(persons.tolist(), colours.tolist(), strict=True)
        data, view = signer.delta(view, pack_changes(pairs, bits=2), at)
        deltas.append(data)
    return Published(
        root=seal_root(document, [root]),
        trust=seal_bundle(trust, bundle),
        snapshot=snapshot,
        deltas=tuple(deltas),
    )


async def _memory(published: Published) -> tuple[int, int]:
    """Return how many bytes a process holds that took the plane and deltas, and how many it has.

    What it has beyond what it holds is the C library's: two planes for a moment at each delta.
    """
    with tempfile.TemporaryDirectory(prefix="kapok-bench-") as name:
        folder = Path(name)
        for file, data in _files(published).items():
            (folder / file).write_bytes(data)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.status", name), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
    held, resident = out.split()
    return int(held), int(resident)


def _files(published: Published) -> dict[str, bytes]:
    files = {"root": published.root, "trust": published.trust, "snapshot": published.snapshot}
    return files | {f"delta-{number}": data for number, data in enumerate(published.deltas)}


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def main(folder: Path) -> None:
    """Load the plane, take the deltas, print by how much this process grew."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    published = Published(
        root=files["root"],
        trust=files["trust"],
        snapshot=files["snapshot"],
        deltas=tuple(files[f"delta-{number}"] for number in range(ROUNDS)),
    )
    trusted = published.trusting()
    before = _resident()
    view = trusted.take_status(published.snapshot, now()).value
    status = Status({(LIST, Plane.HEALTH): view})
    del view
    for data in published.deltas:
        taken = trusted.take_delta(data, status, now())
        status = status.replaced(LIST, Plane.HEALTH, taken.value)
        del taken
    resident = _resident()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    print(_resident() - before, resident - before)  # noqa: T201 - what the bench reads


if __name__ == "__main__":
    main(Path(sys.argv[1]))

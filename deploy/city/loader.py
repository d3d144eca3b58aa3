"""Loading a city into a running house: who is taken, what is known of them, by what they are found.

In this order, so that nobody who is found by a reference is without a colour: the bitmap of taken
indices in one step, each plane in pieces, then the buckets of persons. How far it came stands in
the store beside what was loaded; a store that goes away in between is waited for, and a command
that was ended goes on where it was when it is given again. Only a list in which nobody was given an
index yet is loaded: the city's people have indices of their own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import RedisError

from deploy.city.folder import CityFolder
from deploy.local.configuration import settings_file
from deploy.local.errors import LocalError, UsageError
from runtime.functions import FunctionsMissingError
from runtime.settings import SettingsError
from runtime.store import open_store
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.change_seal import ChangeSeal
from verifier.issuing.persons import ReferenceKey
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.process.keys import read_change_seal, read_reference_key
from verifier.service.store.city_load import (
    PIECE,
    fill_persons,
    fill_plane,
    keep_progress,
    read_progress,
    take_all,
)
from verifier.service.store.library import check_library
from verifier.service.store.persons import BUCKET_BITS, bucket_key, person_field
from verifier.service.store.planes import read_planes
from verifier.status.plane import BITS, pack

BUCKETS: Final = 1 << BUCKET_BITS
FIELD_BYTES: Final = 8
"""Bytes of a digest within its bucket; numpy leaves out zeros at the end."""
PERSONS_AT_ONCE: Final = 20_000
"""Of whole buckets: 400 KB; the store is back to others within 30 ms."""
PATIENCE_S: Final = 120.0
"""Longest wait for a store that went away: it reads its file again, 5 s for a whole city."""
SLOT_S: Final = 4 * 3_600
"""Seconds of a slot of the plane `test`."""
SLOTS: Final = 255
"""Values of that plane but 0, in turn: 42 days and a half."""
_AGAIN_S: Final = 0.2
_TAKEN: Final = "taken"
_PERSONS: Final = "persons"
DONE: Final = "done"
FILLED: Final = (Plane.HEALTH, Plane.DOSES, Plane.TEST)
"""Planes of persons, in the order in which they are filled."""
Result = TypeVar("Result")


class LoadedCity(NamedTuple):
    """What a house has now."""

    planes: tuple[Plane, ...]
    """Of those that the house keeps."""
    others: int
    """References that were known before, with another index: they keep it."""


@dataclass(slots=True, kw_only=True)
class CityLoader:
    """One load of one city into one house."""

    redis: Redis
    settings: IssuingSettings
    key: ReferenceKey
    seal: ChangeSeal
    folder: CityFolder
    stage: Callable[[str, int], None] = lambda _name, _total: None
    """Hears of each stage by name, and how many persons or bytes it has."""
    done: Callable[[int], None] = lambda _count: None
    """Hears of each piece that is on disk."""

    async def run(self) -> "LoadedCity":
        """Load what is not loaded yet.

        Raises:
            UsageError: the house's list is too small, or people have indices in it already.
            LocalError: the store stayed away.
        """
        city, number = self.folder.city, self.settings.list
        if city.size > self.settings.people:
            raise UsageError(
                f"the city has indices up to {city.size}, the list of this house up to"
                f" {self.settings.people}; start one with `kapok up --people {city.people}`"
            )
        await self._again(self._functions)
        reached = await self._again(lambda: read_progress(self.redis, city.name))
        planes = await self._again(lambda: read_planes(self.redis))
        kept = tuple(plane for plane in FILLED if PlaneName(number, plane) in planes)
        if reached == DONE:
            return LoadedCity(planes=kept, others=0)
        await self._take()
        for plane in kept:
            name = PlaneName(number, plane)
            reached = await self._plane(name, planes[name], reached)
        others = await self._persons(reached)
        await self._again(lambda: keep_progress(self.redis, city.name, DONE))
        return LoadedCity(planes=kept, others=others)

    async def _functions(self) -> None:
        try:
            await check_library(self.redis)
        except FunctionsMissingError as error:
            raise LocalError(str(error)) from error

    async def _take(self) -> None:
        bitmap = np.zeros(self.settings.people, np.uint8)
        bitmap[self.folder.column("persons")] = 1
        packed = np.packbits(bitmap).tobytes()  # SETBIT counts from the highest bit of a byte
        self.stage(_TAKEN, 1)
        taken = await self._again(
            lambda: take_all(self.redis, self.settings.list, "person", packed)
        )
        if not taken:
            raise UsageError("people have indices in this house's list already; use a new house")
        self.done(1)

    async def _plane(self, name: PlaneName, size: int, reached: str) -> str:
        """Fill one plane from where it was; returns what stands as progress."""
        octets = pack(self._values(name.plane, size), BITS[name.plane])
        kind, _, first = reached.partition(" ")
        if kind not in ("", *map(str, Plane)) or _rank(kind) > _rank(str(name.plane)):
            return reached  # a later stage was reached
        start = int(first) if kind == str(name.plane) else 0
        self.stage(str(name.plane), len(octets))
        self.done(start)
        while start < len(octets):
            piece = octets[start : start + PIECE]
            end = start + len(piece)
            after = f"{name.plane} {end}"
            reached = await self._piece(name, start, piece, (reached, after))
            start = end
            self.done(len(piece))
        return reached

    async def _piece(
        self, name: PlaneName, start: int, piece: bytes, progress: tuple[str, str]
    ) -> str:
        async def fill() -> None:
            filled = await fill_plane(
                self.redis, name, start, piece, job=self.folder.city.name, progress=progress,
                seal=self.seal,
            )  # fmt: skip
            if not filled and await read_progress(self.redis, self.folder.city.name) != progress[1]:
                raise LocalError("this city is being loaded by somebody else; one is enough")

        await self._again(fill)
        return progress[1]

    def _values(self, plane: Plane, size: int) -> NDArray[np.uint8]:
        values = np.zeros(size, np.uint8)
        column = {Plane.HEALTH: "colours", Plane.DOSES: "doses", Plane.TEST: "tests"}[plane]
        given = self.folder.column(column)
        if plane is Plane.TEST:
            given = slots(given, time.time())
        values[self.folder.column("persons")] = given
        return values

    async def _persons(self, reached: str) -> int:
        kind, _, first = reached.partition(" ")
        start, others = int(first) if kind == _PERSONS else 0, 0
        people = self.folder.city.people
        self.stage("references", people)
        rows, bounds = self._sorted()
        self.stage(_PERSONS, people)
        self.done(int(bounds[start]))
        while start < BUCKETS:
            last = np.searchsorted(bounds, bounds[start] + PERSONS_AT_ONCE)
            end = min(max(int(last), start + 1), BUCKETS)
            filled = dict(self._buckets(rows, bounds, range(start, end)))
            others += await self._again(partial(fill_persons, self.redis, filled))
            after = f"{_PERSONS} {end}"
            await self._again(partial(keep_progress, self.redis, self.folder.city.name, after))
            self.done(int(bounds[end] - bounds[start]))
            start = end
        return others

    def _sorted(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return persons' fields and indices by bucket, and where each bucket begins."""
        people = self.folder.city.people
        rows = np.empty(people, np.dtype([("bucket", "<u4"), ("field", "S8"), ("person", "<u4")]))
        rows["person"] = self.folder.column("persons")
        references, step, digest = self.folder.column("references"), 1 << 16, self.key.digest
        for begin in range(0, people, step):
            texts = references[begin : begin + step].tolist()
            digests = [digest(text.decode("ascii")) for text in texts]
            rows["field"][begin : begin + step] = [person_field(each) for each in digests]
            heads = b"".join(each[:3] + b"\0" for each in digests)
            rows["bucket"][begin : begin + step] = np.frombuffer(heads, ">u4") >> (32 - BUCKET_BITS)
            self.done(len(texts))
        rows = rows[np.argsort(rows["bucket"], kind="stable")]
        return rows, np.searchsorted(rows["bucket"], np.arange(BUCKETS + 1))

    def _buckets(
        self, rows: NDArray[Any], bounds: NDArray[np.int64], wanted: range
    ) -> Iterator[tuple[str, list[bytes]]]:
        for bucket in wanted:
            part = rows[bounds[bucket] : bounds[bucket + 1]]
            if len(part):
                words: list[bytes] = []
                for found, person in part[["field", "person"]].tolist():
                    words += (found.ljust(FIELD_BYTES, b"\0"), str(person).encode())
                yield bucket_key(self.settings.list, bucket), words

    async def _again(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Ask the store, again while it is away."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await call()
            except (RedisError, OSError) as error:
                if time.monotonic() > deadline:
                    raise LocalError("the store is away; give the command again later") from error
                await asyncio.sleep(_AGAIN_S)


def slots(ago: NDArray[np.uint8], now: float) -> NDArray[np.uint8]:
    """Turn slots since a test into values of the plane `test`: 1 to 255 in turn, 0 for none."""
    present = int(now) // SLOT_S
    values = (present - ago.astype(np.int64)) % SLOTS + 1
    found: NDArray[np.uint8] = np.where(ago > 0, values, 0).astype(np.uint8)
    return found


def _rank(kind: str) -> int:
    return ("", *map(str, FILLED)).index(kind)


async def load_city(
    data: Path,
    folder: CityFolder,
    *,
    stage: Callable[[str, int], None],
    done: Callable[[int], None],
) -> LoadedCity:
    """Load a city into the house on a data folder.

    Raises:
        UsageError: no house there, files that cannot be read, a list that does not fit.
        LocalError: the store stayed away.
    """
    try:
        text = settings_file(data, "issuing").read_bytes()
        settings = msgspec.json.decode(text, type=IssuingSettings)
        key = read_reference_key(settings.reference_key, "reference_key")
        seal = read_change_seal(settings.change_key, "change_key")
        redis = open_store(settings.redis)
    except FileNotFoundError as error:
        raise UsageError(f"no house on {data}; start one with `kapok up`") from error
    except (OSError, msgspec.DecodeError, SettingsError) as error:
        raise UsageError(f"{data}: the house's files cannot be read; run this as root") from error
    loading = CityLoader(
        redis=redis,
        settings=settings,
        key=key,
        seal=seal,
        folder=folder,
        stage=stage,
        done=done,
    )
    try:
        return await loading.run()
    finally:
        await redis.aclose()

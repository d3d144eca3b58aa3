"""Taking in the text of one batch: lines to persons by index, kept on disk as they come.

A piece of text counts once all its lines are settled; what a crash, a cut or an away store leaves
behind ends at such a piece, and the next part begins there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.contract.errors import MalformedError
from verifier.contract.feed import BatchManifest
from verifier.errors import Outage
from verifier.feeds.lines import LineReader, Observation
from verifier.feeds.prepared import Prepared, pack
from verifier.feeds.reports import MAX_TOLD, Counts, LineFault, WrongLine, add_counts
from verifier.feeds.sources import Source, UnknownPersons, word_of
from verifier.issuing.persons import ReferenceKey
from verifier.service.feeds.spool import Received, Spool
from verifier.service.store.indices import are_persons
from verifier.service.store.persons import find_persons

KEEP_LINES: Final = 10_000
"""Lines between two writes to disk: half a second's, and some milliseconds of fsync."""
ASKED_AT_ONCE: Final = 1000
"""Persons looked up in one call: some 3 ms of the store, which scans need too."""
MAX_CALLS: Final = 4
"""Calls of all sources at the store at once; the pool has 16 connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Who is who: the list's persons, and how to ask for them."""

    redis: Redis
    list_number: int
    people: int
    key: ReferenceKey
    turns: asyncio.Semaphore
    """Of the store, shared by all sources."""


@dataclass(slots=True)
class _Settled:
    """What lines have come to that are not on disk yet."""

    prepared: list[bytes] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)
    counts: Counts = field(default_factory=dict)
    skipped: int = 0
    observed: int = 0


class Reception:
    """Reads one part after another of one batch."""

    def __init__(
        self, manifest: BatchManifest, source: Source, spool: Spool, register: Register
    ) -> None:
        self._spool = spool
        self._register = register
        self._skips = source.file.unknown_persons is UnknownPersons.SKIPPED
        self._reader = LineReader(manifest, source, spool.received.position)
        self._position = spool.received.position
        self._waiting = _Settled()

    @property
    def lines(self) -> int:
        """Return how many lines are settled."""
        return self._position.lines

    async def take(self, piece: bytes, now: float) -> None:
        """Settle the lines that a piece of text completes.

        Raises:
            FeedRefused: the text is not what its manifest says.
            Outage: the store is away.
            OSError: the disk does not take it.
        """
        items = list(self._reader.take(piece, now))
        self._add(await self._settle(items))
        self._position = self._reader.position
        if len(self._waiting.prepared) >= KEEP_LINES:
            await self.keep()

    async def keep(self) -> Received:
        """Bring to disk what is settled; returns where reading stands."""
        waiting, before = self._waiting, self._spool.received
        counts = {plane: dict(values) for plane, values in before.counts.items()}
        add_counts(counts, waiting.counts)
        received = msgspec.structs.replace(
            before,
            octets=self._position.octets,
            lines=self._position.lines,
            digest=self._position.digest.hex(),
            column=self._position.column,
            prepared=before.prepared + len(waiting.prepared),
            skipped=before.skipped + waiting.skipped,
            wrong=before.wrong + len(waiting.wrong),
            wrong_lines=(*before.wrong_lines, *waiting.wrong)[:MAX_TOLD],
            counts=counts,
            observed=max(before.observed, waiting.observed),
        )
        if received != before:
            await asyncio.to_thread(self._spool.keep, received, waiting.prepared)
        self._waiting = _Settled()
        return received

    def _add(self, more: _Settled) -> None:
        waiting = self._waiting
        waiting.prepared += more.prepared
        waiting.wrong += more.wrong
        waiting.skipped += more.skipped
        waiting.observed = max(waiting.observed, more.observed)
        add_counts(waiting.counts, more.counts)

    async def _settle(self, items: Sequence[Observation | WrongLine]) -> _Settled:
        settled = _Settled()
        asked: list[tuple[Observation, bytes | None]] = []
        for item in items:
            if isinstance(item, WrongLine):
                settled.wrong.append(item)
            else:
                self._ask(item, asked, settled)
        for first in range(0, len(asked), ASKED_AT_ONCE):
            some = asked[first : first + ASKED_AT_ONCE]
            for (observation, digest), person in zip(some, await self._persons(some), strict=True):
                if person is not None:
                    _prepare(observation, person, settled)
                elif self._skips:
                    settled.skipped += 1
                else:
                    name = "person" if digest is None else "ref"
                    settled.wrong.append(_wrong(observation, name, LineFault.PERSON))
        settled.wrong.sort(key=lambda wrong: wrong.line)
        return settled

    def _ask(
        self,
        observation: Observation,
        asked: list[tuple[Observation, bytes | None]],
        settled: _Settled,
    ) -> None:
        """Note whom a line is about; the reference itself ends here."""
        digest: bytes | None = None
        if observation.reference is not None:
            try:
                digest = self._register.key.digest(observation.reference)
            except MalformedError:
                settled.wrong.append(_wrong(observation, "ref", LineFault.REFERENCE))
                return
        asked.append((observation._replace(reference=None), digest))

    async def _persons(self, asked: Sequence[tuple[Observation, bytes | None]]) -> list[int | None]:
        """Return who each is, None for nobody."""
        register = self._register
        digests = [digest for _, digest in asked if digest is not None]
        indices = [
            observation.person
            for observation, _ in asked
            if observation.person is not None and 0 <= observation.person < register.people
        ]
        try:
            async with register.turns:
                found = await find_persons(register.redis, register.list_number, digests)
                there = await are_persons(register.redis, register.list_number, indices)
        except (RedisError, OSError) as error:
            raise Outage("the store is away") from error
        by_digest = iter(found)
        given = {index for index, known in zip(indices, there, strict=True) if known}
        return [
            next(by_digest) if digest is not None
            else observation.person if observation.person in given
            else None
            for observation, digest in asked
        ]  # fmt: skip


def _prepare(observation: Observation, person: int, settled: _Settled) -> None:
    settled.prepared.append(
        pack(
            Prepared(observation.line, person, observation.at, observation.plane, observation.value)
        )
    )
    settled.observed = max(settled.observed, observation.at)
    add_counts(
        settled.counts, {str(observation.plane): {word_of(observation.plane, observation.value): 1}}
    )


def _wrong(observation: Observation, name: str, fault: LineFault) -> WrongLine:
    return WrongLine(line=observation.line, field=name, fault=fault)

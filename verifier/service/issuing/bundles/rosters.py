"""Rosters by place: kept in `v:groups`, published as `rosters-<place>`.

A group's newest roster goes to the places that it is assigned to. A place has a bundle from its
first group on; when the last is gone it gets a newer one without any, so that no gate goes on with
what it held. Only this process writes rosters, so they are read from the store once.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from redis.asyncio import Redis

from verifier.contract.bundle import Roster, RostersDocument
from verifier.contract.cbor import decode, encode
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.bundles.signer import BundleSigner
from verifier.service.process.floors import FloorFile
from verifier.service.store.bundles import read_versions
from verifier.service.store.rosters import drop_groups, keep_group, read_groups
from verifier.trust.kinds import ROSTERS

ROSTERS_KEPT_S: Final = 7 * 86_400
"""Seconds; an older roster is older than any profile can take."""
ROSTERS_VALID_S: Final = 7 * 86_400
"""Seconds in which a place's rosters may be taken in."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group's newest roster, and where it is known."""

    places: tuple[str, ...]
    roster: Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What is published for a place."""

    content: bytes
    """Digest of the rosters."""
    at: int


class RosterBoard:
    """The rosters of all groups, and what is published of them."""

    def __init__(self, redis: Redis, key: SigningKey, floors: FloorFile) -> None:
        self._redis = redis
        self._signer = BundleSigner(redis, key, floors)
        self._turn = asyncio.Lock()
        """Two that publish at once would give two bundles one version."""
        self._kept: dict[bytes, _Kept] | None = None
        self._signed: dict[str, _Signed] = {}
        self._due: set[str] = set()
        """Places at which something changed."""

    async def keep(self, roster: Roster, places: frozenset[str], moment: int) -> None:
        """Keep a group's roster and publish it at its places; places it had before lose it.

        Raises:
            RedisError, OSError: the store is away; what was kept is published when it is back.
        """
        row = _Kept(places=tuple(sorted(places)), roster=roster)
        async with self._turn:
            kept = await self._read()
            built = msgspec.to_builtins(row, builtin_types=(bytes,))
            await keep_group(self._redis, roster.group, encode(built))
            before = kept.get(roster.group)
            kept[roster.group] = row
            self._due.update(places, () if before is None else before.places)
            await self._publish(moment)

    async def publish(self, moment: int) -> None:
        """Publish what has changed or is getting old; what no gate can take any more goes.

        Raises:
            RedisError, OSError: the store is away.
        """
        async with self._turn:
            kept = await self._read()
            gone = [group for group, it in kept.items() if moment - it.roster.iat > ROSTERS_KEPT_S]
            if gone:
                await drop_groups(self._redis, gone)
                for group in gone:
                    self._due.update(kept.pop(group).places)
            await self._publish(moment)

    async def _read(self) -> dict[bytes, _Kept]:
        """Return what is kept; at first from the store, with the places that have a bundle."""
        if self._kept is None:
            rows = await read_groups(self._redis)
            kept = {group: _row(row) for group, row in rows.items()}
            places = {place for row in kept.values() for place in row.places}
            self._due |= places | ROSTERS.places(await read_versions(self._redis))
            self._kept = kept
        return self._kept

    async def _publish(self, moment: int) -> None:
        signed, kept = self._signed, self._kept or {}
        old = {it for it in signed if moment - signed[it].at > ROSTERS_VALID_S // 2}
        if not self._due | old:
            return
        given = await self._signer.given()
        for place in sorted(self._due | old):
            rosters = [row.roster for _, row in sorted(kept.items()) if place in row.places]
            content = _digest(rosters)
            if place not in signed or signed[place].content != content or place in old:
                await self._signer.publish(_document(place, tuple(rosters), moment), given)
                signed[place] = _Signed(content=content, at=moment)
            self._due.discard(place)


def _document(place: str, rosters: tuple[Roster, ...], moment: int) -> RostersDocument:
    return RostersDocument(
        type=ROSTERS.word,
        version=1,
        iat=moment,
        exp=moment + ROSTERS_VALID_S,
        place=place,
        rosters=rosters,
    )


def _row(data: bytes) -> _Kept:
    return msgspec.convert(decode(data), _Kept, builtin_types=(bytes,))


def _digest(rosters: Iterable[Roster]) -> bytes:
    built = msgspec.to_builtins(list(rosters), builtin_types=(bytes,))
    return hashlib.sha256(encode(built)).digest()

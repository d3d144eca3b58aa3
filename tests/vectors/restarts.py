"""The cases of a restart: what is read again from the floors, the newest root and what was held."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.support.city import asks
from tests.support.keys import STRANGER
from tests.support.publisher import DAY, EDITION, NOW
from tests.vectors.planes import AFTER, BASE, CHAIN, CHAIN_2, NEXT, VALUES
from verifier.contract.vocabulary import Plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A document as it is given to the machine, or a restart."""

    kind: str
    data: bytes = b""
    at: int = NOW
    held: bool = False
    deltas: tuple[bytes, ...] = ()

    def document(self, moment: Callable[[float], str]) -> dict[str, Any]:
        """Return it as a vector states it."""
        found: dict[str, Any] = {"kind": self.kind, "at": moment(self.at)}
        if self.data:
            found["hex"] = self.data.hex()
        if self.held:
            found["held"] = True
        if self.deltas:
            found["deltas"] = [delta.hex() for delta in self.deltas]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartCase:
    """What is given in order, and what comes of the last of it."""

    why: str
    given: tuple[Given, ...]
    cause: str | None = None
    plane: Mapping[str, Any] | None = None


ROOT: Final = Given(kind="root", data=EDITION.root())
TRUST: Final = Given(kind="trust", data=EDITION.trust())
PROFILES: Final = Given(kind="profiles", data=EDITION.profiles(asks()))
RESTART: Final = Given(kind="restart")
SNAPSHOT: Final = Given(kind="status", data=BASE)
DELTA: Final = Given(kind="delta", data=NEXT)
LATER: Final = NOW + 400 * DAY
"""Past the end of every bundle of these cases."""


def _held(given: Given, at: int = NOW) -> Given:
    return replace(given, held=True, at=at)


def _rotated(*versions: int) -> tuple[Given, ...]:
    """Return roots that name another bundle key."""
    made = (replace(EDITION, root_version=n, bundle_keys=(STRANGER,)) for n in versions)
    return tuple(Given(kind="root", data=each.root()) for each in made)


def _plane(version: int, chain: bytes, as_of: int, values: tuple[int, ...], fed: int) -> Any:
    return {
        "version": version,
        "chain": chain.hex(),
        "as_of": as_of,
        "known_as_of": fed,
        "values": values,
    }


def restart_cases() -> Iterator[RestartCase]:
    """Yield every case."""
    yield from _bundles()
    yield from _planes()
    yield from _fed()


def _bundles() -> Iterator[RestartCase]:
    start = (ROOT, TRUST, PROFILES, RESTART)
    yield RestartCase(
        why="held bundles past their end",
        given=(*start, _held(TRUST, LATER), _held(PROFILES, LATER)),
    )
    yield RestartCase(
        why="a bundle that arrives past its end",
        given=(*start, _held(TRUST, LATER), replace(PROFILES, at=LATER)),
        cause="expired",
    )
    yield RestartCase(
        why="held bundles while the clock is not set yet",
        given=(*start, _held(TRUST, NOW - 400 * DAY), _held(PROFILES, NOW - 400 * DAY)),
    )
    yield RestartCase(
        why="held bundles whose key three roots later is named no longer",
        given=(ROOT, TRUST, PROFILES, *_rotated(2, 3, 4), RESTART, _held(TRUST), _held(PROFILES)),
    )
    planted = replace(PROFILES, data=replace(EDITION, version=2).profiles(asks()), held=True)
    yield RestartCase(
        why="other bytes of a key that is named no longer",
        given=(ROOT, TRUST, PROFILES, *_rotated(2), RESTART, _held(TRUST), planted),
        cause="unknown_key",
    )
    second = Given(kind="trust", data=replace(EDITION, version=2).trust())
    yield RestartCase(
        why="a held bundle below its floor",
        given=(ROOT, TRUST, second, RESTART, _held(TRUST)),
        cause="rollback",
    )
    yield RestartCase(
        why="a held bundle of the floor's version with other bytes",
        given=(
            *(ROOT, TRUST, RESTART),
            Given(kind="trust", data=replace(EDITION, exp=NOW + 2 * DAY).trust(), held=True),
        ),
        cause="fork",
    )


def _planes() -> Iterator[RestartCase]:
    start = (ROOT, TRUST, SNAPSHOT, DELTA, RESTART, _held(TRUST))
    yield RestartCase(
        why="a held snapshot with the delta that led on from it",
        given=(*start, replace(SNAPSHOT, held=True, deltas=(NEXT,))),
        plane=_plane(2, CHAIN_2, NOW - 59, AFTER, NOW - 59),
    )
    yield RestartCase(
        why="a held snapshot below its plane's floor without its delta",
        given=(*start, _held(SNAPSHOT)),
        cause="rollback",
    )
    yield RestartCase(
        why="a snapshot below its plane's floor from the shelf",
        given=(*start, SNAPSHOT),
        cause="rollback",
    )


def _fed() -> Iterator[RestartCase]:
    stale = replace(EDITION, iat=NOW - 60, extra={"chain": CHAIN, "fed": NOW - 500})
    told = Given(kind="status", data=stale.status(Plane.HEALTH, 10, {3: 1, 4: 2, 9: 3}))
    yield RestartCase(
        why="a snapshot while a source is stale is as old as that source",
        given=(ROOT, TRUST, told),
        plane=_plane(1, CHAIN, NOW - 60, VALUES, NOW - 500),
    )
    yield RestartCase(
        why="a delta without fed ends what the snapshot said of a stale source",
        given=(ROOT, TRUST, told, DELTA),
        plane=_plane(2, CHAIN_2, NOW - 59, AFTER, NOW - 59),
    )

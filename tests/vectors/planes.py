"""The cases of planes: snapshots and the deltas that lead on from them, and what refuses either.

What a plane says afterwards is written by hand, never taken from what the verifier answers.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.support.keys import ISSUER, STATUS, STRANGER
from tests.support.publisher import EDITION, NOW, Edition, entry
from verifier.contract.envelope import SignedUse
from verifier.contract.vocabulary import Plane
from verifier.status.delta import chained
from verifier.status.plane import PackedValues, PlaneView

Named = tuple[str, bytes]
CHAIN: Final = bytes(range(16))
"""Where the stream of these cases begins, at version 1."""
FIRST: Final = replace(EDITION, iat=NOW - 60, extra={"chain": CHAIN})


def _at(seconds: int, version: int, **extra: Any) -> Edition:
    return replace(EDITION, iat=NOW - 60 + seconds, version=version, extra=extra)


def _view(version: int, chain: bytes) -> PlaneView:
    """Return what a delta must lead from; its values do not matter here."""
    values = PackedValues(bits=8, size=0, data=b"")
    return PlaneView(values=values, version=version, as_of=0, chain=chain)


def _changes(*pairs: tuple[int, int]) -> bytes:
    return b"".join(index.to_bytes(4, "big") + bytes((value,)) for index, value in pairs)


BASE: Final = FIRST.status(Plane.HEALTH, 10, {3: 1, 4: 2, 9: 3})
FROM_1: Final = _view(1, CHAIN)
CHAIN_2: Final = chained(CHAIN, 2, _changes((3, 3), (5, 1)))
NEXT: Final = _at(1, 2).delta(FROM_1, Plane.HEALTH, {3: 3, 5: 1})
THEN: Final = _at(61, 3).delta(_view(2, CHAIN_2), Plane.HEALTH, {})
VALUES: Final = (0, 0, 0, 1, 2, 0, 0, 0, 0, 3)
AFTER: Final = (0, 0, 0, 3, 2, 1, 0, 0, 0, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is taken after root and trust, and what comes of the last of it."""

    why: str
    documents: tuple[Named, ...]
    cause: str | None = None
    plane: Mapping[str, Any] | None = None
    trust: Edition = EDITION


def _delta(edition: Edition, changes: Mapping[int, int] | None = None) -> bytes:
    return edition.delta(FROM_1, Plane.HEALTH, {3: 3} if changes is None else changes)


def _of(last: bytes, cause: str, why: str) -> Case:
    return Case(why=why, documents=(("status", BASE), ("delta", last)), cause=cause)


def _snapshot(cause: str, why: str, data: bytes, **more: Any) -> Case:
    return Case(why=why, documents=(("status", data),), cause=cause, **more)


def _accepted() -> Iterator[Case]:
    yield Case(
        why="a plane of ten values in three octets",
        documents=(("status", BASE),),
        plane={"version": 1, "chain": CHAIN.hex(), "as_of": NOW - 60, "values": VALUES},
    )
    yield Case(
        why="a delta of two changes",
        documents=(("status", BASE), ("delta", NEXT)),
        plane={"version": 2, "chain": CHAIN_2.hex(), "as_of": NOW - 59, "values": AFTER},
    )
    yield Case(
        why="an empty delta makes the plane younger",
        documents=(("status", BASE), ("delta", NEXT), ("delta", THEN)),
        plane={
            "version": 3,
            "chain": chained(CHAIN_2, 3, b"").hex(),
            "as_of": NOW + 1,
            "values": AFTER,
        },
    )
    again = replace(FIRST, iat=NOW - 10).status(Plane.HEALTH, 10, {3: 1, 4: 2, 9: 3})
    yield Case(
        why="the same version and chain, signed again",
        documents=(("status", BASE), ("status", again)),
        plane={"version": 1, "chain": CHAIN.hex(), "as_of": NOW - 10, "values": VALUES},
    )


def _deltas() -> Iterator[Case]:
    yield Case(why="a delta without its plane", documents=(("delta", NEXT),), cause="order")
    yield _of(_at(1, 3).delta(_view(2, CHAIN), Plane.HEALTH, {}), "order", "a gap before a delta")
    other = _at(1, 2).delta(_view(1, bytes(16)), Plane.HEALTH, {3: 3})
    yield _of(other, "fork", "a delta of another past")
    yield _of(
        _delta(_at(1, 2, chain=bytes(16))), "fork", "a delta with a chain that is not its own"
    )
    yield Case(
        why="a delta that was taken before",
        documents=(("status", BASE), ("delta", NEXT), ("delta", NEXT)),
        cause="rollback",
    )
    yield Case(
        why="a snapshot from before a delta",
        documents=(("status", BASE), ("delta", NEXT), ("status", BASE)),
        cause="rollback",
    )
    yield _of(
        _delta(replace(_at(1, 2), signer=ISSUER)), "wrong_use", "a delta signed by the issuer"
    )
    yield _of(
        _delta(replace(_at(1, 2), use=SignedUse.STATUS)),
        "signature",
        "a delta signed as a snapshot",
    )
    yield _of(
        _delta(replace(_at(1, 2), exp=NOW - 1)), "expired", "a delta that ended before it came"
    )
    yield _of(_delta(_at(1, 2), {10: 1}), "malformed", "a change past the end of the list")
    yield _of(_delta(_at(1, 2), {3: 4}), "malformed", "a change to a value that two bits cannot be")
    for name, changes in (
        ("changes that do not ascend", _changes((5, 1), (3, 3))),
        ("two changes of one index", _changes((3, 1), (3, 3))),
        ("changes cut short", _changes((3, 3))[:-1]),
    ):
        yield _of(_delta(_at(1, 2, changes=changes)), "malformed", name)
    yield _of(_delta(_at(1, 2, before=2)), "malformed", "a delta that leads nowhere")
    yield _of(_delta(_at(1, 2, comment="x")), "malformed", "a delta with a member more")
    yield _of(
        _at(1, 2).delta(FROM_1, Plane.HEALTH, {3: 3}, number=2),
        "wrong_use",
        "a delta of a list not granted",
    )


def _snapshots() -> Iterator[Case]:
    def made(values: int = 10, **extra: Any) -> bytes:
        return replace(FIRST, extra={"chain": CHAIN} | extra).status(Plane.HEALTH, values, {})

    yield _snapshot("malformed", "a list of no values", made(0))
    yield _snapshot("malformed", "a list shorter than it says", made(4, size=10))
    yield _snapshot("malformed", "a list longer than it says", made(10, size=4))
    yield _snapshot(
        "malformed", "a list of another width than its plane", made(20, bits=1, size=40)
    )
    yield _snapshot("malformed", "a list that is not packed", made(lst=b"\x00\x00\x00"))
    longer = zlib.compress(bytes(3)) + b"\x00"
    yield _snapshot("malformed", "an octet after the packed list", made(lst=longer))
    yield _snapshot("malformed", "a chain of fifteen octets", made(chain=bytes(15)))
    yield _snapshot("malformed", "a claim more", made(comment="x"))
    yield _snapshot("wrong_use", "a list of another name than trusted", made(uri="status:2"))
    bound = entry(STATUS, "status", lists=(1,), issuer="440100")
    trust = replace(EDITION, keys=(bound,))
    yield _snapshot(
        "wrong_use", "an issuer that the key is not for", made(iss="110000"), trust=trust
    )
    stranger = replace(FIRST, signer=STRANGER).status(Plane.HEALTH, 10, {})
    yield _snapshot("unknown_key", "a snapshot signed by a stranger", stranger)
    issuers = replace(FIRST, signer=ISSUER).status(Plane.HEALTH, 10, {})
    yield _snapshot("wrong_use", "a snapshot signed by the issuer", issuers)
    other = FIRST.status(Plane.HEALTH, 10, {}, number=2)
    yield _snapshot("wrong_use", "a snapshot of a list not granted", other)
    fork = replace(FIRST, extra={"chain": bytes(16)}).status(Plane.HEALTH, 10, {})
    yield Case(
        why="the same version with another chain",
        documents=(("status", BASE), ("status", fork)),
        cause="fork",
    )


def plane_cases() -> Iterator[Case]:
    """Yield every case of planes."""
    yield from _accepted()
    yield from _deltas()
    yield from _snapshots()

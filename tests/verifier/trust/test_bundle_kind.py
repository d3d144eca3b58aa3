"""A planted kind: its row and its document type, and nothing else, are known everywhere.

Worker, terminal and `kapok inspect` take it, hold its floor, and refuse what they refuse of others.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, cast

import msgspec
import pytest
import structlog

from deploy.inspection import knowledge as inspection
from deploy.local.doors import Doors
from firmware_stubs.bundles import Bundles
from tests.support.city import asks
from tests.support.keys import BUNDLE, ROSTER, STATUS, STRANGER
from tests.support.publisher import DAY, EDITION, HOUR, NOW
from verifier.contract.bundle import BundleDocument, BundleVersion, PlaceDocument
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.issuing.publisher import seal_bundle
from verifier.issuing.signing_key import SigningKey
from verifier.service.process.floors import FloorFile
from verifier.service.worker.follow import bundles as follower
from verifier.service.worker.knowledge import Knowledge
from verifier.service.worker.metrics import Metrics
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import BundleKind, Naming, asked, by_place
from verifier.trust.floors import Floor, Floors
from verifier.trust.kinds import KINDS
from verifier.trust.known import NOTHING_KNOWN, Known

PLACE: Final = "hall-1"
NAME: Final = "notices-hall-1"


class NoticesDocument(PlaceDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gate of a place shall show."""

    notices: Annotated[tuple[str, ...], msgspec.Meta(max_length=8)]


class HolidaysDocument(BundleDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days on which the whole city is closed."""

    days: tuple[int, ...]


def open_notices(document: NoticesDocument) -> tuple[str, ...]:
    """Refuse a notice without a word."""
    if not all(document.notices):
        raise MalformedError("an empty notice")
    return document.notices


NOTICES: Final = BundleKind(
    word="notices",
    naming=Naming.PLACE,
    use=SignedUse.ROSTER,
    key_use="roster",
    document=NoticesDocument,
    opener=open_notices,
    needed=asked(lambda profile: profile.profile.static),
)
HOLIDAYS: Final = BundleKind(word="holidays", document=HolidaysDocument)


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant two rows, and set the worker's clock."""
    for kind in (NOTICES, HOLIDAYS):
        monkeypatch.setitem(KINDS, kind.word, kind)
    monkeypatch.setattr(follower, "now", lambda: NOW)


def notices(*texts: str, version: int = 1, place: str = PLACE, exp: int = NOW + DAY) -> Any:
    """Return a document of the planted kind."""
    return NoticesDocument(
        type="notices", version=version, iat=NOW - HOUR, exp=exp, place=place, notices=texts
    )


def signed(document: Any, key: SigningKey = ROSTER) -> bytes:
    """Sign as the publisher does, who asks the table for the use."""
    return seal_bundle(document, key)


def signed_for(use: SignedUse, document: Any) -> bytes:
    """Sign with the right key for another use."""
    payload = encode(msgspec.to_builtins(document, builtin_types=(bytes,)))
    return seal(use, payload, kid=ROSTER.kid, algorithm=ROSTER.algorithm, sign=ROSTER.sign)


class Taker(Protocol):
    """Whoever takes bundles."""

    def offer(self, name: str, data: bytes) -> str:
        """Hand over a bundle; return the cause of a refusal, or nothing."""

    def known(self) -> Known:
        """Return what is known there."""

    def floors(self) -> Mapping[str, Floor]:
        """Return the floors that are held there."""


class _Shelf:
    """What the follower reads of a store."""

    def __init__(self) -> None:
        self.laid: dict[str, bytes] = {}

    async def hgetall(self, _: str) -> Mapping[bytes, bytes]:
        """Return the versions; the digest alone tells one from another."""
        return {
            name.encode(): f"1:{hashlib.sha256(data).hexdigest()}".encode()
            for name, data in self.laid.items()
        }

    async def get(self, key: str) -> bytes | None:
        """Return the bytes of a bundle."""
        return self.laid.get(key.removeprefix("v:bundle:"))


class AtWorker:
    """The follower of a worker's process, on a store of its own."""

    def __init__(self, floors: Path) -> None:
        self.shelf, self.knowledge = _Shelf(), Knowledge()
        file = FloorFile(str(floors))
        self.trusted = TrustedSet(EDITION.root(), floors=file.load())
        self.follower = follower.BundleFollower(
            cast("Any", self.shelf),
            self.trusted,
            self.knowledge,
            structlog.get_logger(),
            Metrics("worker-0"),
            file,
        )
        self.follower._held = False
        assert self.offer("trust", EDITION.trust()) == ""

    def offer(self, name: str, data: bytes) -> str:
        """Lay it down and have the follower look."""
        self.shelf.laid[name] = data
        asyncio.run(self.follower.look())
        return self.knowledge.refused.get(name, "").partition("(")[2].rstrip(")")

    def known(self) -> Known:
        """Return what scans are judged by."""
        return self.knowledge.known

    def floors(self) -> Mapping[str, Floor]:
        """Return the set's."""
        return self.trusted.floors


class AtTerminal:
    """The machine of a terminal's bundles."""

    def __init__(self, floors: Floors) -> None:
        self.bundles = Bundles(EDITION.root(), floors=floors, slots={})
        assert self.offer("trust", EDITION.trust()) == ""

    def offer(self, name: str, data: bytes) -> str:
        """Judge it and put it in use."""
        try:
            self.bundles.adopt(self.bundles.offer(name, data, NOW))
        except BundleRefused as refused:
            return refused.cause
        return ""

    def known(self) -> Known:
        """Return what it decides by."""
        return self.bundles.known

    def floors(self) -> Mapping[str, Floor]:
        """Return the set's."""
        return self.bundles._trusted.floors


class AtInspect:
    """`kapok inspect`, with one trusted set for all that it is offered."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.trusted = TrustedSet(EDITION.root())
        self.found = NOTHING_KNOWN
        patch.setattr(inspection, "pinned", lambda _: self.trusted)
        self.causes: list[BundleCause] = []

    def offer(self, name: str, data: bytes) -> str:
        """Serve it as a house does, beside the trust bundle."""
        laid = {"trust": EDITION.trust(), name: data}

        class House:
            async def verifier(self, _: str) -> Any:
                return {"bundles": [{"name": it, "version": 1} for it in laid]}

            async def bundle(self, it: str) -> bytes:
                return laid[it]

        loaded = asyncio.run(inspection.from_house(cast("Doors", House()), Path("nowhere"), PLACE))
        if loaded.notes:
            (note,) = loaded.notes
            return note
        self.found = loaded.known
        return ""

    def known(self) -> Known:
        """Return what the last code was judged by."""
        return self.found

    def floors(self) -> Mapping[str, Floor]:
        """Return the set's."""
        return self.trusted.floors


@pytest.fixture(params=["worker", "terminal", "inspect"])
def taker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Taker:
    """Return each of the three that take bundles."""
    makes: Mapping[str, Callable[[], Taker]] = {
        "worker": lambda: AtWorker(tmp_path / "floors.json"),
        "terminal": lambda: AtTerminal({}),
        "inspect": lambda: AtInspect(monkeypatch),
    }
    return makes[request.param]()


SAID: Final[Mapping[str, str]] = {
    "rollback": "older than what was accepted before",
    "fork": "the same version with other bytes",
    "wrong_use": "a key that may not sign this now",
    "unknown_key": "not signed by a trusted key",
    "signature": "the signature does not hold",
    "malformed": "a bundle of another place",
}
"""What `kapok inspect` says of each cause, to people."""


def refused(taker: Taker, data: bytes, cause: BundleCause, name: str = NAME) -> bool:
    """Say whether a bundle is refused for a cause, and everything stays as it was."""
    before = taker.known().others
    answer = taker.offer(name, data)
    found = SAID[cause] in answer if isinstance(taker, AtInspect) else answer == cause
    return found and taker.known().others == before


def test_a_planted_kind_is_taken_and_its_newer_version_counts(taker: Taker) -> None:
    """It lands under its name, ready for use."""
    assert taker.offer(NAME, signed(notices("Bring your card."))) == ""
    assert taker.known().others == {NAME: ("Bring your card.",)}
    assert taker.offer(NAME, signed(notices("Closed.", version=2))) == ""
    assert taker.known().others == {NAME: ("Closed.",)}
    assert taker.known().trust.version == 1


def test_a_planted_kind_is_refused_as_any_other(taker: Taker) -> None:
    """An older version, other bytes, another key, another use, another place: each by its cause."""
    assert taker.offer(NAME, signed(notices("Two.", version=2))) == ""
    third = notices("Three.", version=3)
    for data, cause in (
        (signed(notices("One.")), BundleCause.ROLLBACK),
        (signed(notices("Other.", version=2)), BundleCause.FORK),
        (signed(third, STATUS), BundleCause.WRONG_USE),
        (signed(third, STRANGER), BundleCause.UNKNOWN_KEY),
        (signed(third, BUNDLE), BundleCause.UNKNOWN_KEY),
        (signed_for(SignedUse.BUNDLE, third), BundleCause.SIGNATURE),
        (signed(notices("Three.", version=3, place="hall-2")), BundleCause.MALFORMED),
    ):
        assert refused(taker, data, cause), cause
    assert taker.offer(NAME, signed(third)) == ""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rosters-hall-1", EDITION.rosters(place="hall-2")),
        ("appointments-hall-1", EDITION.appointments(place="hall-2")),
        ("destroyed-1-test", EDITION.destruction(Plane.DOSES)),
    ],
)
def test_what_is_anothers_is_refused_everywhere(taker: Taker, name: str, data: bytes) -> None:
    """Well signed, under a name that is not its own; whoever takes it, nothing is raised by it."""
    before = taker.known()
    assert taker.offer(name, data) != ""
    after = taker.known()
    assert (after.rosters, after.appointments) == (before.rosters, before.appointments)
    own = name.replace("hall-1", "hall-2").replace("test", "doses")
    assert own not in taker.floors()


def test_a_planted_content_is_checked_by_its_opener(taker: Taker) -> None:
    """What the opener refuses leaves no floor: the corrected one of its version is taken."""
    assert taker.offer(NAME, signed(notices("", version=2))) != ""
    assert taker.known().others == {}
    assert taker.offer(NAME, signed(notices("Yes.", version=2))) == ""


def test_a_row_of_three_fields_is_the_citys(taker: Taker) -> None:
    """Signed by a bundle key, for everybody, the document as it is."""
    days = HolidaysDocument(type="holidays", version=1, iat=NOW - 1, exp=NOW + DAY, days=(1, 2))
    assert taker.offer("holidays", signed(days, BUNDLE)) == ""
    assert taker.known().others == {"holidays": days}
    newer = msgspec.structs.replace(days, version=2)
    assert taker.offer("holidays-hall-1", signed(newer, BUNDLE)) != ""
    assert taker.offer("holidays", signed(newer, ROSTER)) != ""


def test_a_planted_floor_outlives_the_process(tmp_path: Path) -> None:
    """A worker that starts again, and a terminal that was wiped, take nothing older."""
    worker = AtWorker(tmp_path / "floors.json")
    assert worker.offer(NAME, signed(notices("Two.", version=2))) == ""
    assert AtWorker(tmp_path / "floors.json").offer(NAME, signed(notices("One."))) == "rollback"
    terminal = AtTerminal({})
    assert terminal.offer(NAME, signed(notices("Two.", version=2))) == ""
    wiped = AtTerminal(terminal.bundles.floors)
    assert wiped.offer(NAME, signed(notices("One."))) == "rollback"
    assert wiped.offer(NAME, signed(notices("Two.", version=2))) == ""


def test_a_planted_kind_expires_before_it_comes_not_afterwards(tmp_path: Path) -> None:
    """What arrives too late is refused; a terminal keeps what it held over a restart."""
    late = signed(notices("Late.", exp=NOW - 1))
    assert AtWorker(tmp_path / "floors.json").offer(NAME, late) == "expired"
    terminal = AtTerminal({})
    assert terminal.offer(NAME, late) == "expired"
    contents = {"trust": EDITION.trust(), NAME: signed(notices("Kept."))}
    assert terminal.offer(NAME, contents[NAME]) == ""
    again = Bundles(EDITION.root(), floors=terminal.bundles.floors, slots=terminal.bundles.slots())
    assert again.load(contents, NOW + 3 * DAY) == ()
    assert again.known.others == {NAME: ("Kept.",)}


def test_a_terminal_fetches_a_planted_kind_where_its_place_asks() -> None:
    """Of its own place alone, after profiles; dropped when the profile asks no more."""
    index = [
        BundleVersion(name=name, version=1, digest="00")
        for name in (NAME, "notices-hall-2", "holidays", "notices", "profiles")
    ]
    bundles = AtTerminal({}).bundles

    def wants() -> list[str]:
        return [step.name for step in bundles.wanted(index, PLACE)]

    assert wants() == ["profiles", "holidays"]
    asking = EDITION.profiles(asks(static=True))
    bundles.adopt(bundles.offer("profiles", asking, NOW))
    assert wants() == ["profiles", "holidays", NAME]
    bundles.adopt(bundles.offer(NAME, signed(notices("Yes.")), NOW))
    assert bundles.unneeded(PLACE) == ()
    less = replace(EDITION, version=2).profiles(asks(static=False))
    bundles.adopt(bundles.offer("profiles", less, NOW))
    assert bundles.unneeded(PLACE) == (NAME,)
    bundles.drop(NAME)
    assert bundles.known.others == {}
    assert bundles._trusted.floors[NAME].version == 1


def test_a_worker_knows_whose_a_planted_bundle_is(tmp_path: Path) -> None:
    """Each place its own, under its own name; both are handed on."""
    worker = AtWorker(tmp_path / "floors.json")
    assert worker.offer(NAME, signed(notices("One."))) == ""
    assert worker.offer("notices-hall-2", signed(notices("Two.", place="hall-2"))) == ""
    assert worker.known().others == {NAME: ("One.",), "notices-hall-2": ("Two.",)}
    assert {NAME, "notices-hall-2"} <= worker.knowledge.bundles.keys()
    assert NOTICES.places(worker.knowledge.bundles) == {"hall-1", "hall-2"}


def test_content_that_every_scan_asks_lands_in_a_field() -> None:
    """One line of the row: by place, and gone without touching the others."""
    lands = by_place("appointments")
    first, second = (NOTICES.name(f"notices-hall-{number}") for number in (1, 2))
    assert first is not None
    assert second is not None
    known = lands.put(lands.put(NOTHING_KNOWN, first, "a"), second, "b")
    assert known.appointments == {"hall-1": "a", "hall-2": "b"}
    assert lands.without(known, first).appointments == {"hall-2": "b"}

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import Offset, TimeFloor
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.facts import SqliteFacts, person_key, write_durably
from fleet.contract.messages import Epoch
from tests.support.keys import BUNDLE
from tests.support.publisher import EDITION, NOW
from verifier.trust.floors import Floor
from verifier.trust.keys import load_spki


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open an empty database."""
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


def test_epoch_counts_every_connection(database: Database) -> None:
    """Over restarts; from one again in a new generation."""
    assert SqliteFacts(database).next_epoch(1) == Epoch(generation=1, counter=1)
    assert SqliteFacts(database).next_epoch(1) == Epoch(generation=1, counter=2)
    assert SqliteFacts(database).next_epoch(2) == Epoch(generation=2, counter=1)


def test_suspension_survives(database: Database) -> None:
    """And is lifted as it was laid."""
    assert not SqliteFacts(database).suspended()
    SqliteFacts(database).suspend(suspended=True)
    assert SqliteFacts(database).suspended()
    SqliteFacts(database).suspend(suspended=False)
    assert not SqliteFacts(database).suspended()


def test_time_never_goes_back(database: Database) -> None:
    """The persisted time is a floor."""
    facts = SqliteFacts(database)
    kept = TimeFloor(floor=NOW, dated=NOW + 1, signed=NOW)
    facts.persist_time_floor(kept)
    facts.persist_time_floor(TimeFloor(floor=NOW - 100, dated=NOW + 2, signed=NOW))
    assert facts.time_floor() == kept


def test_offset_holds_for_this_start_of_the_machine(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After the machine's own restart the clock is unset."""
    facts, offset = SqliteFacts(database), Offset(low=1.0, high=2.0, at=NOW)
    facts.persist_offset(offset)
    assert facts.offset() == offset
    (tmp_path / "boot").write_text("another start")
    monkeypatch.setattr("firmware_stubs.edge.disk.facts._MACHINE_START", tmp_path / "boot")
    assert facts.offset() is None


def test_floors_outlive_slots(database: Database) -> None:
    """A reset forgets what is in use, never how new it was."""
    facts = SqliteFacts(database)
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    accepted = bundles.offer("trust", EDITION.trust(), NOW)
    facts.adopt(accepted)
    assert facts.slots() == {"trust": accepted.content}
    facts.forget_slots()
    assert facts.slots() == {}
    floor = Floor(
        version=1,
        digest=accepted.content.digest,
        signer=load_spki(BUNDLE.spki)[1].thumbprint,
        root=1,
    )
    assert facts.floors() == {"trust": (floor,)}


def test_person_key_is_made_once(tmp_path: Path) -> None:
    """At random, readable by the owner alone."""
    first = person_key(tmp_path / "key")
    assert len(first) == 32
    assert person_key(tmp_path / "key") == first
    assert person_key(tmp_path / "other") != first
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing half-written stays beside it."""
    write_durably(tmp_path / "file", b"one")
    write_durably(tmp_path / "file", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"two"

"""What the terminal knows of itself: the same in SQLite and in memory."""

from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import Offset, TimeFloor
from firmware_stubs.slots import AcceptedDeltas
from firmware_stubs.storage import Storage
from fleet.contract.messages import Epoch
from tests.support.publisher import EDITION, NOW
from tests.support.terminal_storage import Make
from verifier.status.plane import PlaneView
from verifier.trust.floors import Floor


def test_facts_are_kept(storage: Storage) -> None:
    """Epochs count every connection, from one in a new generation; time never goes back."""
    facts = storage.facts
    assert [facts.next_epoch(generation) for generation in (1, 1, 2)] == [
        Epoch(generation=1, counter=1),
        Epoch(generation=1, counter=2),
        Epoch(generation=2, counter=1),
    ]
    kept = TimeFloor(floor=NOW + 100, dated=NOW + 100, signed=NOW + 100)
    facts.persist_time_floor(kept)
    facts.persist_time_floor(TimeFloor(floor=NOW))
    assert facts.time_floor() == kept
    assert (facts.suspended(), facts.offset(), facts.store_name()) == (False, None, None)
    facts.suspend(suspended=True)
    facts.persist_offset(Offset(low=1.0, high=2.0, at=NOW))
    facts.persist_store_name("store")
    assert (facts.suspended(), facts.store_name()) == (True, "store")
    assert facts.offset() == Offset(low=1.0, high=2.0, at=NOW)


def test_floors_never_sink(storage: Storage) -> None:
    """Not by a reset, not by a slot that is forgotten, not by an older bundle."""
    facts = storage.facts
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    accepted = bundles.offer("trust", EDITION.trust(), NOW)
    storage.write_slot("trust", accepted.content.slot, EDITION.trust())
    facts.adopt(accepted)
    assert facts.slots() == {"trust": accepted.content}
    for forget in (lambda: facts.forget_slot("trust"), facts.forget_slots):
        forget()
        assert facts.slots() == {}
        assert facts.floors() == dict(accepted.floors)
        facts.adopt(accepted)
    newer = Floor(version=9, digest=b"9" * 32)
    facts.extend(deltas(newer))
    facts.extend(deltas(Floor(version=8, digest=b"8" * 32), after=1))
    assert facts.floors() == {**accepted.floors, "status-1-health": (newer,)}


def deltas(floor: Floor, after: int = 0) -> AcceptedDeltas:
    """Make a delta that was accepted; `after` are kept already."""
    view = PlaneView.__new__(PlaneView)
    return AcceptedDeltas(
        name="status-1-health",
        after=after,
        deltas=(b"delta%d" % after,),
        floors={"status-1-health": (floor,)},
        issued_at=0.0,
        view=view,
        trusted=Bundles(EDITION.root(), floors={}, slots={})._trusted,
    )


def test_deltas_are_kept_in_order_and_go_with_their_slot(storage: Storage) -> None:
    """Beside the slot, behind those that are there."""
    floor = Floor(version=9, digest=b"9" * 32)
    storage.facts.extend(deltas(floor))
    storage.facts.extend(deltas(floor, after=1))
    assert storage.facts.deltas() == {"status-1-health": (b"delta0", b"delta1")}
    storage.facts.forget_slot("status-1-health")
    storage.end_plane("status-1-health")
    assert storage.facts.deltas() == {}


def test_a_person_key_is_the_terminals_own(make: Make) -> None:
    """At random, so that no two terminals hash a person alike."""
    one, another = make(1), make(1)
    assert len(one.keys.today) == 32
    assert one.keys.today != another.keys.today

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from firmware_stubs.edge.offline import Alone, decide_frame
from firmware_stubs.edge.scene import Scene, photograph
from firmware_stubs.outbox import Bounds
from firmware_stubs.scans import FinalDecision
from tests.support.city import GROUP_ID, PERSON, City
from tests.support.publisher import NOW
from tests.support.terminal_state import CLOCK, alone_in, new_scan
from verifier.barcode.render import symbol, to_png
from verifier.contract.reasons import Reason
from verifier.contract.scan import GroupCounts, TerminalAnswer
from verifier.contract.vocabulary import Colour, Direction, Kind, Outcome
from verifier.engine import Clock
from verifier.groups.roster import pack_members
from verifier.issuing.issuer import Subject

_number = itertools.count(1)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    """Make a terminal with its disk."""
    made = alone_in(tmp_path)
    yield made
    made.storage.close()


def decide(alone: Alone, text: str, clock: Clock = CLOCK) -> TerminalAnswer:
    """Decide a code under a new scan_id."""
    return alone.decide(new_scan(next(_number), text), clock)


def test_good_code_passes_once(alone: Alone) -> None:
    """Then it was used, and both are in the outbox with what was decided."""
    first, second = decide(alone, City().text()), decide(alone, City().text())
    assert first.decision is Outcome.PASS
    assert not first.recorded
    assert (second.decision, second.reason) == (Outcome.DENY, Reason.USE_REPLAYED)
    waiting = alone.storage.records.read([entry.number for entry in alone.storage.records.next()])
    assert [record.decision for record in waiting] == [Outcome.PASS, Outcome.DENY]


def test_bad_code_claims_nothing(alone: Alone) -> None:
    """A person whose phone was wrong at first passes with the next code."""
    stale = City(shown_at=NOW - 500)
    assert decide(alone, stale.text()).reason is Reason.PROOF_STALE
    assert decide(alone, City().text()).decision is Outcome.PASS


def test_unsure_clock_cannot_judge_a_proof(alone: Alone) -> None:
    """The closed stance denies, and the record says that the clock was unsure."""
    answer = decide(alone, City().text(), Clock(now=NOW, sure=False))
    assert answer.reason is Reason.CLOCK_UNSURE
    assert alone.storage.records.read([1])[0].clock_unsure


def test_what_the_centre_passed_is_used_here(alone: Alone) -> None:
    """Going offline does not forget it."""
    scan = new_scan(next(_number), City().text())
    answer = TerminalAnswer(scan_id=scan.scan_id, decision=Outcome.PASS, sentence="", recorded=True)
    alone.keep(scan, FinalDecision(answer=answer, online=True), CLOCK, acknowledged=True)
    assert alone.storage.records.next() == ()
    assert decide(alone, City().text()).reason is Reason.USE_REPLAYED


def test_what_the_centre_denied_is_not(alone: Alone) -> None:
    """The person may still pass."""
    scan = new_scan(next(_number), City().text())
    answer = TerminalAnswer(scan_id=scan.scan_id, decision=Outcome.DENY, sentence="", recorded=True)
    alone.keep(scan, FinalDecision(answer=answer, online=True), CLOCK, acknowledged=True)
    assert decide(alone, City().text()).decision is Outcome.PASS


def test_pass_that_the_terminal_itself_could_not_know_is_remembered(tmp_path: Path) -> None:
    """Its own status may be older than the centre's; who it was it reads from the signed code."""
    alone = alone_in(tmp_path)
    bundles = alone.storage.bundles
    red, green = City(colours={77: Colour.RED}).known(), City().known()
    bundles.known = replace(red, profiles=bundles.profiles)
    scan = new_scan(next(_number), City().text())
    answer = TerminalAnswer(scan_id=scan.scan_id, decision=Outcome.PASS, sentence="", recorded=True)
    alone.keep(scan, FinalDecision(answer=answer, online=True), CLOCK, acknowledged=True)
    bundles.known = replace(green, profiles=bundles.profiles)
    assert decide(alone, City().text()).reason is Reason.USE_REPLAYED
    alone.storage.close()


def test_a_group_s_review_that_the_terminal_itself_could_not_know_is_remembered(
    tmp_path: Path,
) -> None:
    """The centre let in all but the second; going offline forgets none of them."""
    alone = alone_in(tmp_path, group={"exceptions": "deny"})
    group = Subject(
        kind=Kind.GROUP, list=1, credential=900, group=GROUP_ID, members=3,
        packed_members=pack_members((100, 101, 102)),
    )  # fmt: skip
    known = alone.storage.bundles.known
    older = City(colours={102: Colour.RED}).known()
    alone.storage.bundles.known = replace(older, profiles=known.profiles)
    scan = new_scan(next(_number), City(subject=group).text())
    counts = GroupCounts(members=3, green=3, yellow=0, red=0, none=0, exceptions=((2, None),))
    said = TerminalAnswer(
        scan_id=scan.scan_id, decision=Outcome.REVIEW, reason=Reason.GROUP_EXCEPTIONS,
        sentence="", group=counts, recorded=True,
    )  # fmt: skip
    alone.keep(scan, FinalDecision(answer=said, online=True), CLOCK, acknowledged=True)
    alone.storage.bundles.known = known
    first = City(subject=replace(PERSON, person=100, credential=503))
    assert decide(alone, first.text()).reason is Reason.USE_REPLAYED
    second = City(subject=replace(PERSON, person=101, credential=502))
    assert decide(alone, second.text()).decision is Outcome.PASS
    alone.storage.close()


@pytest.mark.parametrize(("stance", "outcome"), [("open", Outcome.PASS), ("closed", Outcome.DENY)])
def test_broken_disk_leaves_it_to_the_stance(tmp_path: Path, stance: str, outcome: Outcome) -> None:
    """Nothing was claimed, nothing recorded, and it is counted as lost."""
    alone = alone_in(tmp_path, stance=stance)
    alone.storage.database.connection.execute("PRAGMA query_only=ON")
    answer = decide(alone, City().text())
    assert (answer.decision, answer.reason) == (outcome, Reason.USE_UNKNOWN)
    assert alone.storage.records.lost == 1
    alone.storage.close()


def test_full_outbox_goes_on_deciding(tmp_path: Path) -> None:
    """The use counts all the same; a pass takes a denial's room, what finds none is lost."""
    alone = alone_in(tmp_path, bounds=Bounds(entries=1))
    decide(alone, "CC1:FILLS THE OUTBOX")
    assert decide(alone, City().text()).decision is Outcome.PASS
    assert decide(alone, City().text()).reason is Reason.USE_REPLAYED
    assert (alone.storage.records.dropped, alone.storage.records.lost) == (1, 1)
    alone.storage.close()


def test_a_member_who_went_in_alone_does_not_end_the_group(tmp_path: Path) -> None:
    """Under the rule that refuses groups for a colour, too: the others go to a person."""
    alone = alone_in(tmp_path, group={"exceptions": "deny"})
    group = Subject(
        kind=Kind.GROUP, list=1, credential=900, group=GROUP_ID, members=3,
        packed_members=pack_members((100, 101, 102)),
    )  # fmt: skip
    member = City(subject=replace(PERSON, person=101, credential=502))
    assert decide(alone, member.text()).decision is Outcome.PASS
    answer = decide(alone, City(subject=group).text())
    assert (answer.decision, answer.reason) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    assert answer.group is not None
    assert [position for position, _ in answer.group.exceptions] == [2]
    other = City(subject=replace(PERSON, person=100, credential=503))
    assert decide(alone, other.text()).reason is Reason.USE_REPLAYED
    alone.storage.close()


def test_leaving_needs_an_entry(tmp_path: Path) -> None:
    """Pairs and capacity are executed here as at the centre."""
    rule = {"scope": "place", "once_for": 60, "pair": True, "capacity": 1}
    alone = alone_in(tmp_path, use=rule)
    other = City(subject=replace(PERSON, person=78, credential=502))
    assert decide(alone, City().text()).decision is Outcome.PASS
    assert decide(alone, other.text()).reason is Reason.USE_FULL
    entrance = alone.grant
    alone.grant = msgspec.structs.replace(entrance, direction=Direction.OUT)
    assert decide(alone, other.text()).reason is Reason.USE_PAIR
    assert decide(alone, City().text()).reason is Reason.USE_REPLAYED, "one showing, one way"
    anew = City(shown_at=City().shown_at + 1)
    assert decide(alone, anew.text()).decision is Outcome.PASS
    alone.grant = entrance
    assert decide(alone, other.text()).decision is Outcome.PASS
    alone.storage.close()


def test_claims_and_record_are_one_transaction(alone: Alone) -> None:
    """When the record cannot be written the claim is not there either."""
    alone.storage.database.connection.execute("DROP TABLE scan")
    assert decide(alone, City().text()).reason is Reason.USE_UNKNOWN
    (count,) = alone.storage.database.connection.execute("SELECT count(*) FROM held").fetchone()
    assert count == 0


def test_frame_to_decision(alone: Alone) -> None:
    """A photograph of a phone passes; the same again does not; a wall has no code."""
    picture = to_png(symbol(City().text()), scale=6)
    frame = photograph(picture, Scene(), seed=1)
    assert frame.shape == (720, 1280)
    answers = [
        decide_frame(frame, alone, clock=CLOCK, random=bytes((number,) * 6)) for number in (1, 2)
    ]
    assert [answer.decision for answer in answers] == [Outcome.PASS, Outcome.DENY]
    nothing = decide_frame(frame * 0, alone, clock=CLOCK, random=bytes(6))
    assert nothing.reason is Reason.PICTURE_NONE


def test_decision_is_on_disk_before_it_is_shown(alone: Alone, tmp_path: Path) -> None:
    """Another reader of the file sees claim and record."""
    decide(alone, City().text())
    reader = sqlite3.connect(tmp_path / "state.db")
    rows = reader.execute("SELECT count(*) FROM scan, held WHERE decided").fetchone()
    reader.close()
    assert rows == (1,)

"""What the store's functions do with scans, uploads and annulments; a real Redis, no worker."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.support.redis_server import RedisServer, redis_server
from tests.support.store_line import (
    TAG,
    StoreLine,
    enter,
    group,
    leave,
    new_scan,
    once,
    room,
)
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Answer, Outcome
from verifier.service.store.packed_record import unpack_record
from verifier.service.store.scans import Amended, Conflict, Fresh, StoredBefore


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One server for the file; each test begins with an empty store."""
    with redis_server() as running:
        yield running


@pytest.fixture
def store(server: RedisServer) -> Iterator[StoreLine]:
    """Yield a line to the empty store."""
    with server.client() as client:
        client.flushall()
    with StoreLine(server) as line:
        yield line


@pytest.fixture
def inside(server: RedisServer) -> Iterator[redis.Redis]:
    """Yield a client that looks inside."""
    with server.client() as client:
        yield client


def records(inside: redis.Redis) -> int:
    """Count the records kept."""
    return sum(inside.xlen(key) for key in inside.keys("v:*:r:*"))


def people_inside(inside: redis.Redis) -> int:
    """Return how many are counted in the room."""
    return int(inside.get(f"v:{{{TAG}}}:c:room:metro-1") or 0)


def test_a_pass_takes_its_claim_and_another_scan_is_refused(store: StoreLine) -> None:
    """Once means once, whoever scans."""
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.FRESH)
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.USED)
    assert store.scan(new_scan(), once("b")) == Fresh(Answer.FRESH)


def test_a_retry_gets_the_stored_answer(store: StoreLine, inside: redis.Redis) -> None:
    """The claim is the scan's own; nothing is recorded twice."""
    scan = new_scan()
    store.scan(scan, once("a"))
    again = store.scan(scan, once("a"))
    assert isinstance(again, StoredBefore)
    assert again.answer is Answer.FRESH
    assert not again.annulled
    assert again.record is not None
    assert again.record.scan_id == scan
    assert records(inside) == 1


def test_a_retry_of_a_refused_scan_stays_refused(store: StoreLine, inside: redis.Redis) -> None:
    """Even when the claim has become free meanwhile."""
    first, second = new_scan(), new_scan()
    store.scan(first, once("a"))
    assert store.scan(second, once("a")) == Fresh(Answer.USED)
    store.annul(first)
    again = store.scan(second, once("a"))
    assert isinstance(again, StoredBefore)
    assert again.answer is Answer.USED
    assert not inside.exists(f"v:{{{TAG}}}:u:a")


def test_another_text_under_a_scan_id_is_a_conflict(store: StoreLine, inside: redis.Redis) -> None:
    """It claims nothing and is not recorded."""
    scan = new_scan()
    store.scan(scan, once("a"), text="one")
    assert store.scan(scan, once("b"), text="two") == Conflict()
    assert store.upload(scan, once("b"), text="two") == Conflict()
    assert not inside.exists(f"v:{{{TAG}}}:u:b")
    assert records(inside) == 1


def test_what_is_not_a_pass_is_recorded_and_claims_nothing(
    store: StoreLine, inside: redis.Redis
) -> None:
    """Denials are remembered under their scan_id too."""
    scan = new_scan()
    denied = {"outcome": Outcome.DENY, "reason": Reason.PROOF_STALE}
    assert store.scan(scan, **denied) == Fresh(Answer.UNASKED)
    again = store.scan(scan, **denied)
    assert isinstance(again, StoredBefore)
    assert again.record is not None
    assert again.record.reason is Reason.PROOF_STALE
    assert not inside.keys("v:*:u:*")


def test_a_pass_without_a_use_rule_is_fresh(store: StoreLine) -> None:
    """Nothing was asked of it."""
    assert store.scan(new_scan()) == Fresh(Answer.FRESH)


def test_all_claims_or_none(store: StoreLine, inside: redis.Redis) -> None:
    """One member used elsewhere: no member is claimed, no place taken."""
    store.scan(new_scan(), once("person-7"))
    assert store.scan(new_scan(), *group(range(40), 100)) == Fresh(Answer.USED)
    assert len(inside.keys("v:*:u:*")) == 1
    assert people_inside(inside) == 0


def test_forty_people_take_forty_places(store: StoreLine, inside: redis.Redis) -> None:
    """And the next group does not fit."""
    assert store.scan(new_scan(), *group(range(40), 60)) == Fresh(Answer.FRESH)
    assert people_inside(inside) == 40
    assert store.scan(new_scan(), *group(range(100, 140), 60)) == Fresh(Answer.FULL)
    assert people_inside(inside) == 40
    assert len(inside.keys("v:*:u:*")) == 40
    assert store.scan(new_scan(), *group(range(200, 220), 60)) == Fresh(Answer.FRESH)


def test_leaving_gives_places_back_and_never_below_nobody(
    store: StoreLine, inside: redis.Redis
) -> None:
    """A counter that was lost must not open a room wider than it is."""
    store.scan(new_scan(), room(2, 10))
    store.scan(new_scan(), room(-1, 10))
    assert people_inside(inside) == 1
    store.scan(new_scan(), room(-5, 10))
    assert people_inside(inside) == 0


def test_entry_and_exit_come_in_pairs(store: StoreLine) -> None:
    """No second entry before an exit, no exit without an entry."""
    assert store.scan(new_scan(), leave("a")) == Fresh(Answer.PAIR)
    assert store.scan(new_scan(), enter("a")) == Fresh(Answer.FRESH)
    assert store.scan(new_scan(), enter("a")) == Fresh(Answer.PAIR)
    assert store.scan(new_scan(), leave("a")) == Fresh(Answer.FRESH)
    assert store.scan(new_scan(), leave("a")) == Fresh(Answer.PAIR)


def test_at_midnight_yesterdays_name_counts_too(store: StoreLine) -> None:
    """A person who passed under yesterday's key does not pass again under today's."""
    store.scan(new_scan(), once("name-of-yesterday"))
    assert store.scan(new_scan(), once("name-of-today", also="name-of-yesterday")) == Fresh(
        Answer.USED
    )
    several = (once("name-of-today", also="name-of-yesterday"), room(1, 10))
    assert store.scan(new_scan(), *several) == Fresh(Answer.USED)


def test_a_claim_ends_by_itself(store: StoreLine, inside: redis.Redis) -> None:
    """Claims have their rule's time to live, an index a day; the archive takes records away."""
    store.scan(new_scan(), once("a", seconds=77))
    assert 0 < inside.ttl(f"v:{{{TAG}}}:u:a") <= 77
    (index,) = inside.keys("v:*:i:*")
    (kept,) = inside.keys("v:*:r:*")
    assert 24 * 3600 < inside.ttl(index) <= 25 * 3600
    assert inside.ttl(kept) == -1


def test_an_old_scan_id_is_remembered_for_a_day_too(store: StoreLine, inside: redis.Redis) -> None:
    """Its hour is long over, but its upload is new."""
    store.upload(new_scan(ago=5 * 86_400), ago=5 * 86_400)
    (index,) = inside.keys("v:*:i:*")
    assert 24 * 3600 < inside.ttl(index) <= 25 * 3600


def test_annulling_gives_back_once(store: StoreLine, inside: redis.Redis) -> None:
    """The use is free, the place counted back one time, and the scan stays annulled."""
    scan = new_scan()
    store.scan(scan, once("a"), room(3, 10))
    store.scan(new_scan(), room(4, 10))
    assert store.annul(scan) == 1
    assert store.annul(scan) == 0
    assert people_inside(inside) == 4
    again = store.scan(scan, once("a"), room(3, 10))
    assert isinstance(again, StoredBefore)
    assert again.annulled
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.FRESH)


def test_annulling_touches_only_what_is_the_scans_own(
    store: StoreLine, inside: redis.Redis
) -> None:
    """A claim that ran out and was taken by another scan is left alone."""
    scan, other = new_scan(), new_scan()
    store.scan(scan, once("a"))
    inside.delete(f"v:{{{TAG}}}:u:a")
    store.scan(other, once("a"))
    assert store.annul(scan) == 1
    assert inside.get(f"v:{{{TAG}}}:u:a") == other


def test_annulling_an_exit_brings_the_entry_back(store: StoreLine, inside: redis.Redis) -> None:
    """With the time that it still had."""
    store.scan(new_scan(), enter("a"))
    before = inside.ttl(f"v:{{{TAG}}}:p:a")
    scan = new_scan()
    store.scan(scan, leave("a"))
    store.annul(scan)
    assert before - 5 <= inside.ttl(f"v:{{{TAG}}}:p:a") <= before
    assert store.scan(new_scan(), leave("a")) == Fresh(Answer.FRESH)


def test_annulling_an_unknown_scan_does_nothing(store: StoreLine) -> None:
    """There is nothing to give back."""
    assert store.annul(new_scan()) == 0


def test_an_upload_claims_until_its_own_window_ends(store: StoreLine, inside: redis.Redis) -> None:
    """A scan of 100 seconds ago holds its person for the rest of the ten minutes."""
    assert store.upload(new_scan(), once("a"), ago=100) == Fresh(Answer.FRESH)
    assert 490 <= inside.ttl(f"v:{{{TAG}}}:u:a") <= 500
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.USED)


def test_an_upload_after_its_window_claims_nothing(store: StoreLine, inside: redis.Redis) -> None:
    """It is recorded, and stands in nobody's way."""
    store.scan(new_scan(), once("a"))
    assert store.upload(new_scan(), once("a"), ago=700) == Fresh(Answer.UNKNOWN)
    assert store.upload(new_scan(), once("b"), ago=700) == Fresh(Answer.UNKNOWN)
    assert not inside.exists(f"v:{{{TAG}}}:u:b")
    assert records(inside) == 3


def test_an_upload_of_a_used_code_is_stored_as_it_happened(
    store: StoreLine, inside: redis.Redis
) -> None:
    """The store says USED and rewrites nothing: the first holder keeps the claim."""
    holder = new_scan()
    store.scan(holder, once("a"))
    assert store.upload(new_scan(), once("a"), ago=30) == Fresh(Answer.USED)
    assert inside.get(f"v:{{{TAG}}}:u:a") == holder
    assert records(inside) == 2


def test_an_upload_of_days_ago_moves_no_room(store: StoreLine, inside: redis.Redis) -> None:
    """Who went in or out before the counter's memory is not inside now."""
    store.scan(new_scan(), room(3, 10))
    store.upload(new_scan(), room(-2, 10), ago=2 * 86_400)
    store.upload(new_scan(), room(6, 10), ago=2 * 86_400)
    assert people_inside(inside) == 3


def test_an_uploaded_entry_counts_even_past_the_limit(
    store: StoreLine, inside: redis.Redis
) -> None:
    """The people are inside; the room must know."""
    store.scan(new_scan(), room(10, 10))
    assert store.upload(new_scan(), room(5, 10), ago=60) == Fresh(Answer.FRESH)
    assert people_inside(inside) == 15


def test_a_repeated_upload_is_known(store: StoreLine, inside: redis.Redis) -> None:
    """An outbox may send again after a lost answer."""
    scan = new_scan()
    store.upload(scan, once("a"))
    again = store.upload(scan, once("a"))
    assert isinstance(again, StoredBefore)
    assert again.answer is Answer.FRESH
    assert records(inside) == 1


def test_a_late_answer_gives_back_what_the_terminal_did_not_use(store: StoreLine) -> None:
    """The centre passed, the terminal had decided to deny: the person may come again."""
    scan = new_scan()
    store.scan(scan, once("a"))
    amended = store.upload(scan, once("a"), final=Outcome.DENY)
    assert amended == Amended(Answer.FRESH, gave_back=True)
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.FRESH)
    late = store.scan(scan, once("a"))
    assert isinstance(late, StoredBefore)
    assert late.annulled


def test_a_late_answer_that_agrees_is_only_noted(store: StoreLine, inside: redis.Redis) -> None:
    """Both let the person through: the claim stays, and the record gets its amendment."""
    scan = new_scan()
    store.scan(scan, once("a"), room(1, 5))
    assert store.upload(scan, once("a")) == Amended(Answer.FRESH, gave_back=False)
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.USED)
    assert people_inside(inside) == 1
    assert isinstance(store.upload(scan, once("a")), StoredBefore)
    again = store.scan(scan, once("a"))
    assert isinstance(again, StoredBefore)
    assert again.record is not None
    assert again.record.final is Outcome.PASS
    assert store.annul(scan) == 1
    assert people_inside(inside) == 0


def test_a_late_refusal_of_a_passed_person_is_kept_beside_the_pass(store: StoreLine) -> None:
    """The centre had refused: the answer of then comes back, for the incident."""
    scan = new_scan()
    store.scan(new_scan(), once("a"))
    store.scan(scan, once("a"))
    assert store.upload(scan, once("a")) == Amended(Answer.USED, gave_back=False)


def test_all_keys_of_a_scan_share_its_hash_tag(store: StoreLine, inside: redis.Redis) -> None:
    """So that a cluster can keep them together."""
    store.scan(new_scan(), once("a"), enter("a"), room(1, 5))
    assert {key[:7] for key in inside.keys("v:*")} == {f"v:{{{TAG}}}:".encode()}


def test_time_is_the_stores_own(store: StoreLine, inside: redis.Redis) -> None:
    """A record stands in the hour of the store's clock, whatever the scan_id says."""
    store.scan(new_scan(ago=-7200))
    keys: Any = inside.keys("v:*:r:*")
    assert int(keys[0].rpartition(b":")[2]) == int(time.time()) // 3600


def _age(inside: redis.Redis, scan: bytes, *, ms: int) -> None:
    """Make a stored scan older, as if the store's clock had gone on."""
    (index,) = inside.keys("v:*:i:*")
    value = inside.hget(index, scan)
    at, number = int.from_bytes(value[14:20], "big"), int.from_bytes(value[20:24], "big")
    old = at - ms
    key = f"v:{{{TAG}}}:r:{at // 3_600_000}"
    ((_, fields),) = inside.xrange(key, f"{at}-{number}", f"{at}-{number}")
    inside.delete(key)
    inside.xadd(f"v:{{{TAG}}}:r:{old // 3_600_000}", fields, id=f"{old}-{number}")
    inside.hset(index, scan, value[:14] + old.to_bytes(6, "big") + value[20:])


@pytest.mark.parametrize(("minutes", "kept"), [(14, False), (16, True)])
def test_nobody_passed_is_believed_as_long_as_an_annulment(
    store: StoreLine, inside: redis.Redis, *, minutes: int, kept: bool
) -> None:
    """Later it is recorded, and gives nothing back."""
    scan = new_scan()
    assert store.scan(scan, once("a")) == Fresh(Answer.FRESH)
    _age(inside, scan, ms=minutes * 60_000)
    said = store.upload(scan, final=Outcome.DENY)
    assert isinstance(said, Amended)
    assert said.gave_back is not kept
    answer = Answer.USED if kept else Answer.FRESH
    assert store.scan(new_scan(), once("a")) == Fresh(answer)


def test_a_late_denial_is_an_incident_in_its_record(store: StoreLine, inside: redis.Redis) -> None:
    """The record that stands says so."""
    scan = new_scan()
    store.scan(scan, once("a"))
    _age(inside, scan, ms=16 * 60_000)
    store.upload(scan, final=Outcome.DENY)
    (newest,) = inside.xrevrange(f"v:{{{TAG}}}:r:{int(time.time()) // 3600}", count=1)
    assert unpack_record(newest[1][b"r"]).incident == "contradiction"


def test_what_a_terminal_says_the_centre_decided_is_looked_up(store: StoreLine) -> None:
    """A pass that was refused, and a denial that was a pass, are the terminal's own."""
    first, second = new_scan(), new_scan()
    assert store.scan(first, once("a")) == Fresh(Answer.FRESH)
    assert store.scan(second, once("a")) == Fresh(Answer.USED)
    lied = store.upload(second, final=Outcome.PASS, online=True)
    assert isinstance(lied, Amended)
    denied = store.upload(first, final=Outcome.DENY, online=True)
    assert isinstance(denied, Amended)
    assert not denied.gave_back
    third = new_scan()
    assert store.scan(third, once("b")) == Fresh(Answer.FRESH)
    assert isinstance(store.upload(third, final=Outcome.PASS, online=True), StoredBefore)

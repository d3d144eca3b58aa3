"""What outboxes could not keep: an incident when a heartbeat says more than the one before."""

from collections.abc import Mapping

from fleet.arrivals import read_arrival
from fleet.books.incidents import IncidentBook
from fleet.books.rows import SetRows, Stored
from fleet.shard import Shard, Work
from tests.support.shard_messages import NAME, SHARD, beat, birth, registry

T0 = 1_000_000


def counted(shard: Shard, counters: Mapping[str, int] | None = None) -> int:
    """Take a heartbeat; returns how often the terminal's outbox was full so far."""
    work = Work(shard, T0)
    for each in (birth(), beat(counters=counters)):
        work.take(read_arrival(each, SHARD, registry(), T0))
    work.settle()
    return sum(
        each.count for (kind, _), each in shard[IncidentBook].items() if kind == "outbox.full"
    )


def test_what_was_dropped_or_lost_is_an_incident() -> None:
    """Once for each heartbeat that has more; the same again is no news."""
    shard = Shard(SHARD)
    assert counted(shard) == 0
    assert counted(shard, {"outbox.dropped": 29}) == 1
    assert counted(shard, {"outbox.dropped": 29}) == 1
    assert counted(shard, {"outbox.dropped": 29, "outbox.lost": 1}) == 2


def test_what_was_counted_before_a_shard_was_taken_is_no_news() -> None:
    """The last heartbeat in the store says what is known."""
    shard = Shard(SHARD)
    work = Work(shard, T0)
    for each in (birth(), beat(counters={"outbox.lost": 3})):
        work.take(read_arrival(each, SHARD, registry(), T0))
    rows = {it.hash: it.rows for it in work.writes() if isinstance(it, SetRows)}
    after = Shard(SHARD)
    after.load(Stored(hashes=rows | {"incidents": {}}), T0)
    assert counted(after, {"outbox.lost": 3}) == 0
    assert counted(after, {"outbox.lost": 4}) == 1
    assert NAME in rows["beat"]

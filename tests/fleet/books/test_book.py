"""A new matter is a book and a line in the tuple: a planted one is carried like the others."""

from fleet.arrivals import read_arrival
from fleet.books.newest import NewestBook
from fleet.books.rows import DropRow, SetRows, SetString, Stored, Write
from fleet.contract.messages import Desired
from fleet.shard import BOOKS, Shard, Work
from tests.support.planted_book import COOL_MS, COOLED, HEAT, PLANTED, CoolOrder, Heat, HeatBook
from tests.support.shard_messages import NAME, SHARD, beat, birth, registry

T0 = 1_000_000


def taken(shard: Shard, *temperatures: float, now: int = T0) -> Work:
    """Take a birth and heartbeats in."""
    work = Work(shard, now)
    for each in (birth(), *(beat(temperature) for temperature in temperatures)):
        work.take(read_arrival(each, SHARD, registry(), 1))
    return work


def heat_writes(work: Work) -> list[Write]:
    """Return the writes of the planted book; the others' come before them."""
    found = list(work.writes())
    mine = [each for each in found if getattr(each, "hash", "") == HEAT.name]
    assert mine == found[len(found) - len(mine) :]
    return mine


def test_a_planted_book_takes_messages_and_writes_rows() -> None:
    """What it makes of a heartbeat is written with the rest, and sent with the rest."""
    shard = Shard(SHARD, PLANTED)
    work = taken(shard, 61.0)
    assert heat_writes(work) == [SetRows("heat", {NAME: HEAT.encode(Heat(T0, T0))})]
    assert [each for _, each in work.outgoing() if isinstance(each, Desired)]
    assert shard[HeatBook] == {}
    work.settle()
    assert shard[HeatBook] == {NAME: Heat(T0, T0)}


def test_a_planted_book_lets_time_pass() -> None:
    """A second reaches it as it reaches the others."""
    shard = Shard(SHARD, PLANTED)
    taken(shard, 61.0).settle()
    later = Work(shard, T0 + COOL_MS)
    later.tick()
    assert heat_writes(later) == [DropRow("heat", NAME)]
    later.settle()
    assert shard[HeatBook] == {}


def test_a_planted_book_is_loaded_from_its_rows() -> None:
    """Its hash is among those that are read, and makes its memory."""
    shard = Shard(SHARD, PLANTED)
    assert shard.hashes == (*Shard(SHARD).hashes, "heat")
    shard.load(Stored(hashes={"heat": {NAME: HEAT.encode(Heat(5, 6))}}), T0)
    assert shard[HeatBook] == {NAME: Heat(5, 6)}


def test_a_planted_order_recalls_what_it_wants() -> None:
    """An order names its strings, is taken after they are recalled, and is answered."""
    work = Work(Shard(SHARD, PLANTED), T0)
    order = CoolOrder(NAME)
    assert work.wants((), (order,)) == {COOLED.key(NAME)}
    work.recall({COOLED.key(NAME): b'{"times":4}'})
    order.take(work)
    assert order.answer(work) == 5
    assert SetString(COOLED.key(NAME), b'{"times":5}', T0 + 3_600_000) in list(work.writes())


def test_a_message_ends_with_the_book_that_says_so() -> None:
    """A heartbeat of an older connection ends with presence; no later book hears of it."""
    shard = Shard(SHARD, PLANTED)
    work = Work(shard, T0)
    for each in (birth(counter=2), beat(61.0, counter=1)):
        work.take(read_arrival(each, SHARD, registry(), 1))
    assert heat_writes(work) == []
    names = [each.hash for each in work[NewestBook].writes() if isinstance(each, SetRows)]
    assert names == ["birth"]


def test_no_two_books_share_a_name_in_the_store() -> None:
    """A hash belongs to one book, or two would overwrite each other."""
    names = [name for book in BOOKS for name in book.hashes]
    assert len(set(names)) == len(names)

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs import uses
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.uses import SqliteUses
from firmware_stubs.memory.rows import ChangeJournal
from firmware_stubs.memory.uses import MemoryUses
from firmware_stubs.uses import UseTable
from verifier.contract.vocabulary import Answer
from verifier.steps.use import Use, UseKind

NOW = 1_790_000_000.0


@pytest.fixture(params=["sqlite", "memory"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteUses | MemoryUses]:
    """Make an empty table of each kind, within a transaction."""
    if request.param == "memory":
        journal = ChangeJournal()
        with journal.transaction():
            yield MemoryUses(journal)
        return
    database = Database(tmp_path / "state.db")
    with database.transaction() as opened:
        yield SqliteUses(opened)
    database.close()


def once(key: str, also: str = "") -> Use:
    """Claim one use."""
    return Use(kind=UseKind.ONCE, key=key, also=also, seconds=300)


def pair(kind: UseKind, key: str, also: str = "") -> Use:
    """Claim an entry or an exit."""
    return Use(kind=kind, key=key, also=also, seconds=3600)


def room(count: int, limit: int = 2) -> Use:
    """Claim room for some people."""
    return Use(kind=UseKind.ROOM, key="room", count=count, limit=limit, seconds=86_400)


def take(table: UseTable, *claims: Use, scan_id: str = "a", now: float = NOW) -> Answer:
    """Take claims for a scan."""
    return uses.take(table, claims, scan_id=scan_id, now=now).answer


def test_no_claims_are_fresh(table: UseTable) -> None:
    """A pass without a use rule takes nothing."""
    assert take(table) is Answer.FRESH


def test_second_use_is_refused_until_it_has_run_out(table: UseTable) -> None:
    """USED for its seconds, then fresh again."""
    assert take(table, once("k")) is Answer.FRESH
    assert take(table, once("k"), scan_id="b", now=NOW + 299) is Answer.USED
    assert take(table, once("k"), scan_id="b", now=NOW + 300) is Answer.FRESH


def test_own_claim_is_no_second_use(table: UseTable) -> None:
    """The same scan takes nothing twice."""
    take(table, once("k"))
    assert take(table, once("k")) is Answer.FRESH


def test_yesterdays_name_counts(table: UseTable) -> None:
    """A person does not pass twice by the turn of the day."""
    take(table, once("yesterday"))
    assert take(table, once("today", "yesterday"), scan_id="b") is Answer.USED


def test_pairs(table: UseTable) -> None:
    """In, in: refused; out, out: refused; out takes the entry away, under either name."""
    enter, leave = pair(UseKind.ENTER, "p"), pair(UseKind.LEAVE, "new", "p")
    assert take(table, leave) is Answer.PAIR
    assert take(table, enter) is Answer.FRESH
    assert take(table, enter, scan_id="b") is Answer.PAIR
    assert take(table, leave, scan_id="c") is Answer.FRESH
    assert take(table, leave, scan_id="d") is Answer.PAIR


def test_room(table: UseTable) -> None:
    """As many as fit; who leaves makes room; nobody leaves an empty room."""
    assert take(table, room(-1)) is Answer.FRESH
    assert take(table, room(2)) is Answer.FRESH
    assert take(table, room(1)) is Answer.FULL
    assert take(table, room(-1)) is Answer.FRESH
    assert take(table, room(1)) is Answer.FRESH


@pytest.mark.parametrize(
    ("claims", "answer"),
    [
        ((once("free"), once("taken")), Answer.USED),
        ((once("free"), pair(UseKind.LEAVE, "nobody")), Answer.PAIR),
        ((once("free"), pair(UseKind.ENTER, "taken")), Answer.PAIR),
        ((once("free"), room(3)), Answer.FULL),
        ((room(3), once("taken")), Answer.FULL),
    ],
)
def test_all_or_none(table: UseTable, claims: tuple[Use, ...], answer: Answer) -> None:
    """One refusal, the first, and nothing is taken."""
    take(table, once("taken"), scan_id="z")
    assert take(table, *claims) is answer
    assert table.holders(("free", "nobody"), NOW) == ()
    assert table.inside("room", NOW) == 0
    assert take(table, once("free"), scan_id="b") is Answer.FRESH


def group(*members: str, limit: int = 9) -> tuple[Use, ...]:
    """Claim for the members of a group, and room for all of them."""
    own = [
        (Use(kind=UseKind.MEMBER, count=place), once(key))
        for place, key in enumerate(members, start=1)
    ]
    together = (claim for pair in own for claim in pair)
    return (Use(kind=UseKind.GROUP), *together, room(len(members), limit))


def test_a_member_who_went_in_alone_is_an_exception(table: UseTable) -> None:
    """The others' claims are taken, and the room counts them; it never ends the group."""
    take(table, once("b"), scan_id="z")
    found = uses.take(table, group("a", "b", "c"), scan_id="g", now=NOW)
    assert (found.answer, found.members) == (Answer.PART, (2,))
    assert table.inside("room", NOW) == 2
    for key in ("a", "b", "c"):
        assert take(table, once(key), scan_id="y") is Answer.USED


def test_a_group_of_whom_all_went_in_alone_is_used(table: UseTable) -> None:
    """Nobody is left to take anything for."""
    for key in ("a", "b"):
        take(table, once(key), scan_id="z")
    assert take(table, *group("a", "b"), scan_id="g") is Answer.USED
    assert table.inside("room", NOW) == 0


def test_a_group_whose_others_find_no_room_takes_nothing(table: UseTable) -> None:
    """Only those who would go in are counted against the limit."""
    take(table, once("b"), scan_id="z")
    assert take(table, *group("a", "b", "c", limit=1), scan_id="g") is Answer.FULL
    assert take(table, *group("a", "b", "c", limit=2), scan_id="h") is Answer.PART


def test_remembered_use_counts(table: UseTable) -> None:
    """What the centre passed is used here too."""
    uses.remember(table, (once("k"), room(2)), scan_id="online", now=NOW)
    assert take(table, once("k")) is Answer.USED
    assert take(table, room(1)) is Answer.FULL


def test_sweep_deletes_what_no_longer_counts(table: SqliteUses | MemoryUses) -> None:
    """And nothing else."""
    take(table, once("k"), pair(UseKind.ENTER, "p"), room(1))
    assert table.sweep(NOW + 300) == 1
    assert table.holders(("k", "p"), NOW) == ("a",)
    assert table.sweep(NOW + 86_400) == 2
    assert table.sweep(NOW + 86_400) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]), st.lists(st.integers(0, 4), max_size=3), st.booleans()
        ),
        max_size=30,
    )
)
def test_like_a_set(scans: list[tuple[str, list[int], bool]]) -> None:
    """Claims behave as a set of keys with one holder each, in either table."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE held (key TEXT PRIMARY KEY, scan_id TEXT, until REAL)")
    for table in (SqliteUses(connection), MemoryUses(ChangeJournal())):
        model: dict[str, str] = {}
        for scan_id, keys, remembered in scans:
            claims = [once(str(key)) for key in keys]
            free = all(model.get(claim.key, scan_id) == scan_id for claim in claims)
            if remembered:
                uses.remember(table, claims, scan_id=scan_id, now=NOW)
            else:
                answer = uses.take(table, claims, scan_id=scan_id, now=NOW).answer
                assert answer is (Answer.FRESH if free else Answer.USED)
            if remembered or free:
                model |= {claim.key: scan_id for claim in claims}
        found = {str(key): table.holders((str(key),), NOW) for key in range(5)}
        assert {key: scan_ids[0] for key, scan_ids in found.items() if scan_ids} == model
    connection.close()

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs.edge.disk import uses
from firmware_stubs.edge.disk.database import Database
from verifier.contract.vocabulary import Answer
from verifier.steps.use import Use, UseKind

NOW = 1_790_000_000.0


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Open an empty database within a transaction."""
    database = Database(tmp_path / "state.db")
    with database.transaction() as opened:
        yield opened
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


def held(connection: sqlite3.Connection) -> int:
    """Count what is held."""
    (count,) = connection.execute("SELECT count(*) FROM held").fetchone()
    return int(count)


def take(
    connection: sqlite3.Connection, *claims: Use, scan_id: str = "a", now: float = NOW
) -> Answer:
    """Take claims for a scan."""
    return uses.take(connection, claims, scan_id=scan_id, now=now)


def test_no_claims_are_fresh(connection: sqlite3.Connection) -> None:
    """A pass without a use rule takes nothing."""
    assert take(connection) is Answer.FRESH


def test_second_use_is_refused_until_it_has_run_out(connection: sqlite3.Connection) -> None:
    """USED for its seconds, then fresh again."""
    assert take(connection, once("k")) is Answer.FRESH
    assert take(connection, once("k"), scan_id="b", now=NOW + 299) is Answer.USED
    assert take(connection, once("k"), scan_id="b", now=NOW + 300) is Answer.FRESH


def test_own_claim_is_no_second_use(connection: sqlite3.Connection) -> None:
    """The same scan takes nothing twice."""
    take(connection, once("k"))
    assert take(connection, once("k")) is Answer.FRESH


def test_yesterdays_name_counts(connection: sqlite3.Connection) -> None:
    """A person does not pass twice by the turn of the day."""
    take(connection, once("yesterday"))
    assert take(connection, once("today", "yesterday"), scan_id="b") is Answer.USED


def test_pairs(connection: sqlite3.Connection) -> None:
    """In, in: refused; out, out: refused; out takes the entry away, under either name."""
    enter, leave = pair(UseKind.ENTER, "p"), pair(UseKind.LEAVE, "new", "p")
    assert take(connection, leave) is Answer.PAIR
    assert take(connection, enter) is Answer.FRESH
    assert take(connection, enter, scan_id="b") is Answer.PAIR
    assert take(connection, leave, scan_id="c") is Answer.FRESH
    assert take(connection, leave, scan_id="d") is Answer.PAIR


def test_room(connection: sqlite3.Connection) -> None:
    """As many as fit; who leaves makes room; nobody leaves an empty room."""
    assert take(connection, room(-1)) is Answer.FRESH
    assert take(connection, room(2)) is Answer.FRESH
    assert take(connection, room(1)) is Answer.FULL
    assert take(connection, room(-1)) is Answer.FRESH
    assert take(connection, room(1)) is Answer.FRESH


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
def test_all_or_none(
    connection: sqlite3.Connection, claims: tuple[Use, ...], answer: Answer
) -> None:
    """One refusal, the first, and nothing is taken."""
    take(connection, once("taken"), scan_id="z")
    assert take(connection, *claims) is answer
    assert held(connection) == 1
    assert take(connection, once("free"), scan_id="b") is Answer.FRESH


def test_remembered_use_counts(connection: sqlite3.Connection) -> None:
    """What the centre passed is used here too."""
    uses.remember(connection, (once("k"), room(2)), scan_id="online", now=NOW)
    assert take(connection, once("k")) is Answer.USED
    assert take(connection, room(1)) is Answer.FULL


def test_sweep_deletes_what_no_longer_counts(connection: sqlite3.Connection) -> None:
    """And nothing else."""
    take(connection, once("k"), pair(UseKind.ENTER, "p"))
    assert uses.sweep(connection, NOW + 300) == 1
    assert held(connection) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]), st.lists(st.integers(0, 4), max_size=3), st.booleans()
        ),
        max_size=30,
    )
)
def test_like_a_set(scans: list[tuple[str, list[int], bool]]) -> None:
    """Claims behave as a set of keys with one holder each."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE held (key TEXT PRIMARY KEY, scan_id TEXT, until REAL)")
    model: dict[str, str] = {}
    for scan_id, keys, remembered in scans:
        claims = [once(str(key)) for key in keys]
        free = all(model.get(claim.key, scan_id) == scan_id for claim in claims)
        if remembered:
            uses.remember(connection, claims, scan_id=scan_id, now=NOW)
        else:
            answer = uses.take(connection, claims, scan_id=scan_id, now=NOW)
            assert answer is (Answer.FRESH if free else Answer.USED)
        if remembered or free:
            model |= {claim.key: scan_id for claim in claims}
    assert dict(connection.execute("SELECT key, scan_id FROM held")) == model
    connection.close()

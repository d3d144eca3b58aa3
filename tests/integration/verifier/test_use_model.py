"""One model of uses: the store's function and a terminal's table against a simple oracle.

Random sequences of scans by phone and paper, alone and in a group, in and out, annulled or not. The
oracle knows persons and nothing of keys; the claims come from `uses_of`, as everywhere.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from firmware_stubs import uses
from firmware_stubs.edge.disk.uses import SqliteUses
from firmware_stubs.memory.rows import ChangeJournal
from firmware_stubs.memory.uses import MemoryUses
from firmware_stubs.uses import UseTable
from tests.support.city import GRANT, GROUP_ID, City, asks
from tests.support.redis_server import RedisServer, redis_server
from tests.support.store_line import TAG, StoreLine, new_scan, once, room
from verifier.codes.claims import GroupClaim
from verifier.contract.scan import GroupCounts
from verifier.contract.vocabulary import Answer, Direction, Kind
from verifier.decision import Assessment
from verifier.groups.roster import Members
from verifier.groups.verdict import GroupVerdict
from verifier.policy.profiles import Profile, check_profile
from verifier.service.store.library import LOOK, RESOLVE
from verifier.service.store.scans import Fresh, StoredBefore, hour_of, index_key
from verifier.service.store.wire import pack_command
from verifier.steps.use import PersonKeys, Use, UseKind, uses_of

KEYS: Final = PersonKeys(today=b"t" * 32, yesterday=None)
NOW: Final = 1_790_000_000.0
ROOM: Final = 4
PERSONS: Final = tuple(range(5))
PLACES: Final = {
    "once": {"use": {"scope": "place", "once_for": 600}},
    "pair": {"use": {"scope": "place", "once_for": 600, "pair": True}},
    "room": {"use": {"scope": "place", "once_for": 600, "capacity": ROOM}},
    "gate": {"use": {"scope": "gate", "once_for": 600}},
    "short": {"use": {"scope": "place", "once_for": 60}, "window": 600},
    "all": {"use": {"scope": "place", "once_for": 600, "pair": True, "capacity": ROOM}},
    "none": {},
}


@dataclass(frozen=True)
class Showing:
    """One code before one gate."""

    people: tuple[int, ...]
    group: bool
    paper: bool
    out: bool
    second: int
    """Of the proof: what has the same person, or group, and second is one presentation."""
    annulled: bool

    @property
    def rank(self) -> int:
        """0 a proof, 1 a person's paper, 2 a group's."""
        return (2 if self.group else 1) if self.paper else 0


@dataclass
class Oracle:
    """Who has passed, by persons."""

    asked: Profile
    passed: set[tuple[int, bool, int]] = field(default_factory=set)
    """(person, out, rank)."""
    last: dict[tuple[int, bool], int] = field(default_factory=dict)
    """Second of the proof by which a person passed a way."""
    entered: set[tuple[int, int]] = field(default_factory=set)
    """(person, rank)."""
    shown: set[Any] = field(default_factory=set)
    inside: int = 0

    def refuses(self, person: int, it: Showing) -> Answer | None:
        """Say why a person may not pass, as the place's rule has it."""
        rule = self.asked.use
        assert rule is not None
        if any((person, it.out, rank) in self.passed for rank in range(it.rank + 1)):
            return Answer.USED
        if not it.paper and self.last.get((person, not it.out)) == it.second:
            return Answer.USED
        if not rule.pair:
            return None
        ranks = range(it.rank, 3) if it.out else range(it.rank + 1)
        here = any((person, rank) in self.entered for rank in ranks)
        return None if here is it.out else Answer.PAIR

    def scan(self, it: Showing) -> tuple[Answer, tuple[int, ...]]:
        """Answer a scan, and take it in."""
        before = (
            set(self.passed),
            dict(self.last),
            set(self.entered),
            set(self.shown),
            self.inside,
        )
        answer, exceptions = self._judge(it)
        if it.annulled:
            self.passed, self.last, self.entered, self.shown, self.inside = before
        return answer, exceptions

    def _judge(self, it: Showing) -> tuple[Answer, tuple[int, ...]]:
        rule = self.asked.use
        alone = rule is None or rule.scope == "gate" or rule.once_for < self.asked.window
        showing = (it.people, it.group, it.second)
        shown = not it.paper and alone and showing in self.shown
        if shown and (rule is None or it.group):
            return Answer.USED, ()
        refused = {person: self.refuses(person, it) for person in it.people} if rule else {}
        free = [person for person in it.people if not refused.get(person)]
        positions = tuple(at + 1 for at, person in enumerate(it.people) if refused.get(person))
        if not free:
            refusal = Answer.USED if it.group else refused[it.people[0]]
            assert refusal is not None
            return refusal, ()
        if shown:
            return Answer.USED, ()
        if self._is_full(it, free):
            return Answer.FULL, ()
        if alone and not it.paper:
            self.shown.add(showing)
        if rule is not None:
            self._take(free, it)
        return (Answer.PART if positions else Answer.FRESH), positions

    def _is_full(self, it: Showing, free: Sequence[int]) -> bool:
        rule = self.asked.use
        limit = None if rule is None or it.out else rule.capacity
        return limit is not None and self.inside + len(free) > limit

    def _take(self, free: Sequence[int], it: Showing) -> None:
        rule = self.asked.use
        assert rule is not None
        for person in free:
            self._take_one(person, it, pair=rule.pair)
        if rule.capacity is not None:
            self.inside = max(0, self.inside + (-len(free) if it.out else len(free)))

    def _take_one(self, person: int, it: Showing, *, pair: bool) -> None:
        self.passed.add((person, it.out, it.rank))
        if not it.paper:
            self.last[person, it.out] = it.second
        if pair and not it.out:
            self.entered.add((person, it.rank))
        elif pair:
            self.entered -= {(person, rank) for rank in range(it.rank, 3)}


def claims_of(it: Showing, asked: Profile) -> tuple[Use, ...]:
    """Return what the product claims for a showing."""
    found = City().judge()
    assert found.claims is not None
    claims = msgspec.structs.replace(
        found.claims,
        person=None if it.group else it.people[0],
        credential=900 if it.group else it.people[0],
        kind=Kind.GROUP if it.group else Kind.PERSONAL,
        holder=None if it.paper else found.claims.holder,
        group=_claim(it) if it.group else None,
    )
    assessment: Assessment = msgspec.structs.replace(
        found,
        claims=claims,
        shown_at=None if it.paper else int(NOW) + it.second,
        shown_ahead=0,
        group=_verdict(it) if it.group else None,
    )
    direction = Direction.OUT if it.out else Direction.IN
    return uses_of(assessment, asked, msgspec.structs.replace(GRANT, direction=direction), KEYS)


def _claim(it: Showing) -> GroupClaim:
    return GroupClaim(group=GROUP_ID, roster_version=1, members=len(it.people), packed=None)


def _verdict(it: Showing) -> GroupVerdict:
    persons = np.array(it.people, dtype=np.int64)
    counts = GroupCounts(
        members=len(it.people), green=len(it.people), yellow=0, red=0, none=0, exceptions=()
    )
    members = Members(list=1, persons=persons, masked_names=None)
    return GroupVerdict(members=members, counts=counts, passing=persons)


GROUP: Final = (0, 1, 2)
SHOWINGS: Final = st.builds(
    lambda group, person, paper, out, second, annulled: Showing(
        people=GROUP if group else (person,),
        group=group,
        paper=paper,
        out=out,
        second=second,
        annulled=annulled,
    ),
    st.booleans(),
    st.sampled_from(PERSONS),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([False, False, False, True]),
)
SEQUENCES: Final = st.lists(SHOWINGS, min_size=1, max_size=14)


def asked_at(place: str) -> Profile:
    """Return what a place asks."""
    values = {key: value for key, value in asks().items() if key != "use"}
    return check_profile(values | {"window": 60} | PLACES[place])


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One server for the file."""
    with redis_server() as running:
        yield running


@pytest.fixture(scope="module")
def store(server: RedisServer) -> Iterator[StoreLine]:
    """Yield a line to the store."""
    with StoreLine(server) as line:
        yield line


@pytest.mark.parametrize("place", PLACES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sequence=SEQUENCES)
def test_the_store_does_what_the_oracle_says(
    server: RedisServer, store: StoreLine, place: str, sequence: Sequence[Showing]
) -> None:
    """Answers and exceptions; a retry has the same answer; an annulment gives back what it took."""
    asked = asked_at(place)
    oracle = Oracle(asked)
    with server.client() as client:
        client.flushall()
    for it in sequence:
        scan_id, claims = new_scan(), claims_of(it, asked)
        expected = oracle.scan(it)
        found = store.scan(scan_id, *claims)
        assert isinstance(found, Fresh)
        assert (found.answer, found.members) == expected, it
        again = store.scan(scan_id, *claims)
        assert isinstance(again, StoredBefore)
        assert (again.answer, again.members) == expected
        if it.annulled:
            assert store.annul(scan_id) == 1
            assert store.annul(scan_id) == 0


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=60, deadline=None)
@given(sequence=SEQUENCES)
def test_a_terminals_tables_do_what_the_oracle_says(
    place: str, sequence: Sequence[Showing]
) -> None:
    """The same sequences, but for annulments, which only the centre knows."""
    asked = asked_at(place)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE held (key TEXT PRIMARY KEY, scan_id TEXT, until REAL)")
    connection.execute("CREATE TABLE room (key TEXT PRIMARY KEY, count INTEGER, until REAL)")
    tables: tuple[UseTable, ...] = (SqliteUses(connection), MemoryUses(ChangeJournal()))
    oracle = Oracle(asked)
    for number, it in enumerate(sequence):
        if it.annulled:
            continue
        scan_id, claims = f"{number:036}", claims_of(it, asked)
        expected = oracle.scan(it)
        for table in tables:
            found = uses.take(table, claims, scan_id=scan_id, now=NOW)
            assert (found.answer, found.members) == expected, it
    connection.close()


def test_a_review_closed_as_a_denial_gives_back_what_it_took(store: StoreLine) -> None:
    """Of a group of whom one had passed: the others' uses, once; and never the one's own."""
    alone, review = new_scan(), new_scan()
    assert store.scan(alone, once("a")) == Fresh(Answer.FRESH)
    group = (
        Use(kind=UseKind.GROUP),
        Use(kind=UseKind.MEMBER, count=1),
        once("a"),
        Use(kind=UseKind.MEMBER, count=2),
        once("b"),
    )
    assert store.scan(review, *group) == Fresh(Answer.PART, (1,))
    assert store.scan(new_scan(), once("b")) == Fresh(Answer.USED)
    key = index_key(TAG, review)
    entry = store.ask(pack_command(("FCALL", LOOK, 1, key, review)))[2]
    closed = ("FCALL", RESOLVE, 1, key, review, hour_of(review), entry, b"", "d")
    assert store.ask(pack_command(closed)) == 1
    assert store.ask(pack_command(closed)) == 0
    assert store.scan(new_scan(), once("b")) == Fresh(Answer.FRESH)
    assert store.scan(new_scan(), once("a")) == Fresh(Answer.USED)


def test_an_uploaded_group_takes_those_who_had_not_passed(store: StoreLine) -> None:
    """They are inside, whatever the place says of exceptions; who had passed is no one's twice."""
    assert store.scan(new_scan(), once("c")) == Fresh(Answer.FRESH)
    group = (
        Use(kind=UseKind.GROUP),
        Use(kind=UseKind.MEMBER, count=1),
        once("c"),
        Use(kind=UseKind.MEMBER, count=2),
        once("d"),
        room(2, 1),
    )
    assert store.upload(new_scan(), *group) == Fresh(Answer.PART)
    assert store.scan(new_scan(), once("d")) == Fresh(Answer.USED)
    assert store.scan(new_scan(), room(1, 1)) == Fresh(Answer.FULL)
    assert store.scan(new_scan(), room(1, 2)) == Fresh(Answer.FRESH)

"""Deciding cases of correction against a real store."""

import time
from collections.abc import Iterator

import msgspec
import pytest
from redis.asyncio import Redis

from runtime.http.problems import Problem
from tests.support.async_store import with_store
from tests.support.changes import SEAL, change
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.proposal import (
    Proposal,
    ProposalKind,
    ProposalReason,
    ProposalState,
    ProposeCorrection,
)
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.feeds.corrections import CorrectionCase, CorrectionReason, CorrectionState
from verifier.service.issuing.proposals.correction import CLOSED, CorrectionProposals
from verifier.service.store.corrections import open_case, read_case
from verifier.service.store.observed import observe
from verifier.service.store.planes import Marker, make_plane, read_value

HEALTH = PlaneName(1, Plane.HEALTH)
PERSON, RED = 5, 3
MARKER = Marker("v:{status}:proposal:p", None, b"done")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a store of one test."""
    with redis_server() as running:
        yield running


async def opened(redis: Redis) -> tuple[CorrectionProposals, CorrectionCase]:
    """Make a red person who says that it is wrong."""
    await make_plane(redis, HEALTH, 100)
    await change(redis, {HEALTH: [(PERSON, RED)]})
    case = CorrectionCase(
        id="c" * 32,
        list=1,
        person=PERSON,
        plane=Plane.HEALTH,
        value="red",
        reason=CorrectionReason.NEVER_THERE,
        opened=int(time.time()),
        opened_by="desk",
    )
    await open_case(redis, case)
    return CorrectionProposals(redis, SEAL), case


def asked(to: str) -> ProposeCorrection:
    """Ask for a value."""
    return ProposeCorrection(
        case="c" * 32, to=to, reason=ProposalReason.DATA_ERROR, text="never there"
    )


async def proposed(corrections: CorrectionProposals, to: str) -> Proposal:
    """Propose a value for the case."""
    matter = await corrections.look(asked(to))
    return Proposal(
        id="d" * 32,
        kind=ProposalKind.CORRECTION,
        subject=matter.subject,
        before=matter.before,
        after=matter.after,
        reason=ProposalReason.DATA_ERROR,
        text="never there",
        state=ProposalState.APPROVED,
        proposed_by="ling",
        proposed_at=0,
        expires=1,
    )


@pytest.mark.parametrize(
    ("to", "value", "state"),
    [("green", 1, CorrectionState.APPROVED), ("red", RED, CorrectionState.REFUSED)],
)
def test_an_approved_value_stands_and_the_case_is_closed(
    server: RedisServer, to: str, value: int, state: CorrectionState
) -> None:
    """Another value corrects; the same one refuses; both name their proposal."""

    async def steps(redis: Redis) -> None:
        corrections, case = await opened(redis)
        proposal = await proposed(corrections, to)
        assert await corrections.stands(proposal) == proposal.before
        assert await corrections.carry_out(proposal, MARKER)
        assert await read_value(redis, HEALTH, [PERSON]) == [value]
        closed = await read_case(redis, case.id)
        assert closed is not None
        assert (closed.state, closed.proposal) == (state, proposal.id)
        # Carried out again, as after a crash, it finds the case decided.
        assert await corrections.stands(proposal) == CLOSED
        assert not await corrections.carry_out(proposal, MARKER)

    with_store(server, steps)


def test_a_batch_under_way_does_not_undo_the_decision(server: RedisServer) -> None:
    """What was observed before it is overtaken; what is observed after it counts."""

    async def steps(redis: Redis) -> None:
        corrections, _ = await opened(redis)
        assert await corrections.carry_out(await proposed(corrections, "green"), MARKER)
        now = time.time()
        answers = await observe(redis, HEALTH, [(PERSON, int(now) - 60), (PERSON, int(now))], now)
        assert answers == [False, True]

    with_store(server, steps)


def test_what_has_changed_meanwhile_is_left_alone(server: RedisServer) -> None:
    """The value both saw is no longer there: nothing is done, the case stays open."""

    async def steps(redis: Redis) -> None:
        corrections, case = await opened(redis)
        proposal = await proposed(corrections, "green")
        await change(redis, {HEALTH: [(PERSON, 2)]})
        assert not await corrections.carry_out(proposal, MARKER)
        assert await read_value(redis, HEALTH, [PERSON]) == [2]
        assert await read_case(redis, case.id) == case

    with_store(server, steps)


@pytest.mark.parametrize(
    ("case", "to", "code"),
    [
        ("e" * 32, "green", "correction.unknown"),
        ("c" * 32, "blue", "body.field"),
        ("c" * 32, "4", "body.field"),
    ],
)
def test_what_cannot_be_proposed(server: RedisServer, case: str, to: str, code: str) -> None:
    """No such case, no such value."""

    async def steps(redis: Redis) -> str:
        corrections, _ = await opened(redis)
        with pytest.raises(Problem) as caught:
            await corrections.look(msgspec.structs.replace(asked(to), case=case))
        return caught.value.code

    assert with_store(server, steps) == code


def test_a_case_put_on_another_person_is_not_decided(server: RedisServer) -> None:
    """The feeds process keeps cases: what two people decided of one person stays that person's."""

    async def steps(redis: Redis) -> None:
        other = PERSON + 1
        corrections, case = await opened(redis)
        await change(redis, {HEALTH: [(other, RED)]})
        proposal = await proposed(corrections, "green")
        moved = msgspec.json.encode(msgspec.structs.replace(case, person=other)).decode()
        await redis.hset("v:{corrections}:open", case.id, moved)
        stood = await corrections.stands(proposal)
        assert not await corrections.carry_out(proposal, MARKER)
        assert await read_value(redis, HEALTH, [PERSON, other]) == [RED, RED]
        assert stood == CLOSED

    with_store(server, steps)

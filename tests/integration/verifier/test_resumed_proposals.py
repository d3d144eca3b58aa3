"""Approved proposals that an earlier process left: tried until they are done, each for itself."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.logs import open_log
from tests.support.async_store import with_store
from tests.support.changes import change
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract import audit as audit_format
from verifier.contract.proposal import Proposal, ProposalKind, ProposalReason, ProposalState
from verifier.contract.vocabulary import ApiScope
from verifier.errors import Outage
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.proposals import proposals as module
from verifier.service.issuing.proposals.kinds import ProposalRules
from verifier.service.issuing.proposals.proposals import Proposals
from verifier.service.store.planes import Marker
from verifier.service.store.proposals import keep_proposal, read_proposal

FULL, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a store of one test."""
    with redis_server() as running:
        yield running


def approved(proposal: str) -> Proposal:
    """Return what two people agreed on before the process ended."""
    return Proposal(
        id=proposal,
        kind=ProposalKind.DESTRUCTION,
        subject="plane:1:test",
        before="kept",
        after="destroyed",
        reason=ProposalReason.ORDER,
        text="it is over",
        state=ProposalState.APPROVED,
        proposed_by="ling",
        proposed_at=int(time.time() * 1000),
        expires=2**52,
        decided_by="hao",
    )


def test_one_that_cannot_be_done_yet_ends_nothing_and_holds_up_no_other(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full for the store's file: the other is done at once, this one later."""
    monkeypatch.setattr(module, "TICK_S", 0.01)
    tries: list[str] = []

    async def steps(redis: Redis) -> None:
        other_done = asyncio.Event()

        async def carry_out(proposal: Proposal, marker: Marker) -> bool:
            tries.append(proposal.id)
            if proposal.id == FULL:  # some take minutes; the other needs none of them
                await other_done.wait()
            if proposal.id == FULL and tries.count(FULL) < 3:
                raise Outage("the store could not rewrite its file")
            made = await change(redis, {}, marker=marker)
            other_done.set()
            return made

        async def unasked(_: Any) -> Any:
            raise AssertionError

        row = ProposalRules(
            kind=ProposalKind.DESTRUCTION,
            scope=ApiScope.ADMINISTER,
            reasons=frozenset(),
            look=unasked,
            stands=unasked,
            carry_out=carry_out,
        )
        for proposal in (FULL, OTHER):
            assert await keep_proposal(redis, approved(proposal))
        audit = AuditLog(tmp_path, "issuing", lambda: 0, audit_format)
        audit.open()
        budgets, log = Budgets(redis, audit), open_log("issuing")
        proposals = Proposals(redis, {row.kind: row}, audit, budgets, log)
        running = asyncio.create_task(proposals.run())
        async with asyncio.timeout(10):
            while not all([await done(redis, one) for one in (FULL, OTHER)]):
                assert not running.done()
                await asyncio.sleep(0.01)
        assert (tries.count(OTHER), tries.count(FULL)) == (1, 3)
        running.cancel()
        audit.close()

    async def done(redis: Redis, proposal: str) -> bool:
        kept = await read_proposal(redis, proposal)
        return kept is not None and kept.proposal.state is ProposalState.DONE

    with_store(server, steps)

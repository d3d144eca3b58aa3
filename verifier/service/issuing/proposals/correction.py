"""Deciding a case of correction: a proposal of its own kind, approved by a second person.

Proposed is the value that shall stand. Where it is the one that stands already, the case is closed
as refused; else the value is set and the case closed as approved. The time of the decision is noted
as an observation first, so that a batch under way with older ones does not undo it.

A case is a record of the feeds process. So the subject of a proposal says whose value it is, and of
which plane: two people decide that, whatever the case says by then.
"""

from http import HTTPStatus
from typing import Final

from redis.asyncio import Redis

from runtime.clock import now
from runtime.http.problems import Problem
from verifier.contract.proposal import Proposal, ProposeCorrection
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.feeds.corrections import CorrectionCase, CorrectionEvent, CorrectionState
from verifier.feeds.sources import value_of, word_of
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.issuing.proposals.kind import Matter, decision
from verifier.service.store.corrections import close_case, read_case
from verifier.service.store.observed import observe
from verifier.service.store.planes import DESTROYED, Marker, PlaneUnknown, change, read_value

CASE: Final = "correction"
CLOSED: Final = "closed"
"""What stands where a case is decided already."""


class CorrectionProposals:
    """A case that was opened, and what becomes of it."""

    def __init__(self, redis: Redis, seal: ChangeSeal) -> None:
        self._redis = redis
        self._seal = seal

    async def look(self, asked: ProposeCorrection) -> Matter:
        """Find the case and the value that stands.

        Raises:
            Problem: 400 body.field, 404 correction.unknown, 409 correction.closed, plane.unknown.
        """
        case = await read_case(self._redis, asked.case)
        if case is None:
            raise Problem(HTTPStatus.NOT_FOUND, "correction.unknown")
        if case.state is not CorrectionState.OPEN:
            raise Problem(HTTPStatus.CONFLICT, "correction.closed")
        value = _value(case.plane, asked.to)
        if value is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.to")
        try:
            before = await self._stands(case)
        except PlaneUnknown:
            raise Problem(HTTPStatus.CONFLICT, "plane.unknown") from None
        return Matter(corrected(case), before, word_of(case.plane, value))

    async def stands(self, proposal: Proposal) -> str:
        """Return the value that the case is about, as it is now."""
        case = await self._case(proposal)
        if case is None:
            return CLOSED
        try:
            return await self._stands(case)
        except PlaneUnknown:
            return DESTROYED

    async def carry_out(self, proposal: Proposal, marker: Marker) -> bool:
        """Set the value if it is still the one that was shown to both, then close the case.

        Killed between the two, `settle` closes it at the next start.
        """
        case = await self._case(proposal)
        if case is None:
            return False
        before, after = (_value(case.plane, word) for word in (proposal.before, proposal.after))
        if before is None or after is None:
            return False
        name, moment = PlaneName(case.list, case.plane), now()
        await observe(self._redis, name, [(case.person, int(moment))], moment)
        try:
            done = await change(
                self._redis,
                {name: [(case.person, after)]},
                cause=decision(proposal, self._seal, moment),
                marker=marker,
                expected={name: [(case.person, before)]},
            )
        except PlaneUnknown:
            return False
        if done:
            await self.settle(proposal)
        return done

    async def settle(self, proposal: Proposal) -> None:
        """Close the case of a proposal that was carried out; one that is closed stays as it is."""
        same = proposal.before == proposal.after
        event = CorrectionEvent.REFUSE if same else CorrectionEvent.APPROVE
        await close_case(self._redis, _case_of(proposal), event, now(), proposal=proposal.id)

    async def _case(self, proposal: Proposal) -> CorrectionCase | None:
        """Return the case of a proposal while it is open, and what it was when it was proposed."""
        case = await read_case(self._redis, _case_of(proposal))
        same = case is not None and corrected(case) == proposal.subject
        return case if same and case is not None and case.state is CorrectionState.OPEN else None

    async def _stands(self, case: CorrectionCase) -> str:
        name = PlaneName(case.list, case.plane)
        (value,) = await read_value(self._redis, name, [case.person])
        return word_of(case.plane, value)


def corrected(case: CorrectionCase) -> str:
    """Return the subject of a proposal that decides a case: the case, and whose value it sets."""
    return f"{CASE}:{case.id}:{case.list}:{case.plane}:{case.person}"


def _case_of(proposal: Proposal) -> str:
    return proposal.subject.split(":")[1]


def _value(plane: Plane, word: str) -> int | None:
    """Return the value of a word of this plane; None: it has none."""
    number = word.isascii() and word.isdigit() and len(word) <= 3
    return value_of(plane, int(word) if number else word)

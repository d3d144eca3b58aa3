"""The life of a proposal: who may take which step of it, and when. Pure.

    open ──approve──> approved ──carry out──> done
      │                   ├──overtaken──> overtaken
      │                   └──reject, withdraw──> rejected, withdrawn   (until it is due)
      ├──reject──> rejected        (another person)
      ├──withdraw──> withdrawn     (the same person)
      ├──overtaken──> overtaken
      └──a day──> expired

What has a waiting time is due when that is over; until then it is taken back like an open one.
A person is a person id: one with two tokens is still one. A step that was taken before, by the same
person, is taken again without effect, so that whoever got no answer may ask again.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import structs

from verifier.contract.proposal import Proposal, ProposalState, RejectReason

_S: Final = ProposalState
ENDED: Final = frozenset({_S.DONE, _S.REJECTED, _S.WITHDRAWN, _S.OVERTAKEN, _S.EXPIRED})


class ProposalStep(StrEnum):
    """What somebody does to a proposal."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    """The one who proposed takes it back."""
    CARRY_OUT = "carry_out"
    OVERTAKE = "overtake"
    EXPIRE = "expire"
    """A day has passed."""


STEPS: Final[Mapping[tuple[ProposalState, ProposalStep], ProposalState]] = {
    (_S.OPEN, ProposalStep.APPROVE): _S.APPROVED,
    (_S.OPEN, ProposalStep.REJECT): _S.REJECTED,
    (_S.OPEN, ProposalStep.WITHDRAW): _S.WITHDRAWN,
    (_S.OPEN, ProposalStep.OVERTAKE): _S.OVERTAKEN,
    (_S.OPEN, ProposalStep.EXPIRE): _S.EXPIRED,
    (_S.APPROVED, ProposalStep.CARRY_OUT): _S.DONE,
    (_S.APPROVED, ProposalStep.REJECT): _S.REJECTED,
    (_S.APPROVED, ProposalStep.WITHDRAW): _S.WITHDRAWN,
    (_S.APPROVED, ProposalStep.OVERTAKE): _S.OVERTAKEN,
}
"""Every step there is; any other is refused."""


class StepRefused(Exception):  # noqa: N818 - it is an answer
    """A step that may not be taken; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def shown(proposal: Proposal, now_ms: int) -> Proposal:
    """Return a proposal as it stands now: an open one expires without anybody's doing."""
    if proposal.state is _S.OPEN and now_ms >= proposal.expires:
        return structs.replace(proposal, state=_step(proposal, ProposalStep.EXPIRE))
    return proposal


def is_due(proposal: Proposal, now_ms: int) -> bool:
    """Say whether an approved proposal is to be carried out now."""
    return proposal.state is _S.APPROVED and now_ms >= proposal.due


def approved(proposal: Proposal, person: str, now_ms: int, *, wait_ms: int = 0) -> Proposal:
    """Return a proposal with the approval of a second person; unchanged: it was approved before.

    It is due `wait_ms` from now.

    Raises:
        StepRefused: `proposal.own`, `proposal.expired` or `proposal.closed`.
    """
    if person == proposal.proposed_by:
        raise StepRefused("proposal.own")
    proposal = shown(proposal, now_ms)
    if proposal.state in (_S.APPROVED, _S.DONE) and proposal.decided_by == person:
        return proposal
    after = _step(proposal, ProposalStep.APPROVE)
    due = now_ms + wait_ms if wait_ms else 0
    return structs.replace(proposal, state=after, decided_by=person, decided_at=now_ms, due=due)


def rejected(proposal: Proposal, person: str, why: RejectReason, now_ms: int) -> Proposal:
    """Return a proposal that a second person rejects, or the first one takes back.

    One that is approved too, while it is not due.

    Raises:
        StepRefused: `proposal.reason`, `proposal.expired` or `proposal.closed`.
    """
    own = person == proposal.proposed_by
    if own != (why is RejectReason.WITHDRAWN):
        raise StepRefused("proposal.reason")
    proposal = shown(proposal, now_ms)
    wanted = _S.WITHDRAWN if own else _S.REJECTED
    if (proposal.state, proposal.decided_by, proposal.why) == (wanted, person, why):
        return proposal
    if proposal.state is _S.APPROVED and now_ms >= proposal.due:
        raise StepRefused("proposal.closed")
    after = _step(proposal, ProposalStep.WITHDRAW if own else ProposalStep.REJECT)
    return structs.replace(proposal, state=after, decided_by=person, decided_at=now_ms, why=why)


def carried_out(proposal: Proposal) -> Proposal:
    """Return an approved proposal that was carried out."""
    return structs.replace(proposal, state=_step(proposal, ProposalStep.CARRY_OUT))


def overtaken(proposal: Proposal) -> Proposal:
    """Return a proposal whose subject changed meanwhile: it will never be carried out."""
    return structs.replace(proposal, state=_step(proposal, ProposalStep.OVERTAKE))


def _step(proposal: Proposal, step: ProposalStep) -> ProposalState:
    after = STEPS.get((proposal.state, step))
    if after is None:
        expired = proposal.state is _S.EXPIRED
        raise StepRefused("proposal.expired" if expired else "proposal.closed")
    return after

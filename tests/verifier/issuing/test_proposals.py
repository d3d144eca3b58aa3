"""The life of a proposal: every state by every step, who may take it, and when it is over."""

from collections.abc import Callable

import pytest
from msgspec import structs

from verifier.contract.proposal import (
    PROPOSAL_S,
    Proposal,
    ProposalKind,
    ProposalReason,
    ProposalState,
    RejectReason,
)
from verifier.issuing.proposals import (
    ENDED,
    STEPS,
    ProposalStep,
    StepRefused,
    approved,
    carried_out,
    is_due,
    overtaken,
    rejected,
    shown,
)

NOW = 1_790_000_000_000
END = NOW + PROPOSAL_S * 1000
OPEN = Proposal(
    id="0a" * 16,
    kind=ProposalKind.COLOUR,
    subject="person:1:4711",
    before="green",
    after="red",
    reason=ProposalReason.TEST_RESULT,
    text="laboratory 7, sheet 12",
    state=ProposalState.OPEN,
    proposed_by="ling",
    proposed_at=NOW,
    expires=END,
)


def at(state: ProposalState) -> Proposal:
    """Return the proposal in a state, decided by hao where somebody decided."""
    undecided = state in (ProposalState.OPEN, ProposalState.EXPIRED)
    due = NOW + 10 if state is ProposalState.APPROVED else 0
    return structs.replace(OPEN, state=state, decided_by="" if undecided else "hao", due=due)


TAKE: dict[ProposalStep, Callable[[Proposal], Proposal]] = {
    ProposalStep.APPROVE: lambda it: approved(it, "mei", NOW + 1),
    ProposalStep.REJECT: lambda it: rejected(it, "mei", RejectReason.UNFOUNDED, NOW + 1),
    ProposalStep.WITHDRAW: lambda it: rejected(it, "ling", RejectReason.WITHDRAWN, NOW + 1),
    ProposalStep.CARRY_OUT: carried_out,
    ProposalStep.OVERTAKE: overtaken,
}


_EXPIRE = ProposalStep.EXPIRE
"""Nobody's doing: it is never refused."""


@pytest.mark.parametrize("state", ProposalState)
@pytest.mark.parametrize("step", [step for step in ProposalStep if step is not _EXPIRE])
def test_every_step_from_every_state(state: ProposalState, step: ProposalStep) -> None:
    """What the table has is taken, all else is refused; what has ended stays so."""
    wanted = STEPS.get((state, step))
    if wanted is not None:
        assert TAKE[step](at(state)).state is wanted
        assert state not in ENDED
        return
    with pytest.raises(StepRefused) as found:
        TAKE[step](at(state))
    expired = state is ProposalState.EXPIRED
    assert found.value.code == ("proposal.expired" if expired else "proposal.closed")


def test_one_person_is_not_two() -> None:
    """Whatever the state, and whatever token was shown: the person id counts."""
    for state in ProposalState:
        with pytest.raises(StepRefused) as found:
            approved(at(state), "ling", NOW)
        assert found.value.code == "proposal.own"


def test_a_second_person_approves() -> None:
    """Once; asked again, the same stands, and a third one is told that it is closed."""
    first = approved(OPEN, "hao", NOW + 5)
    assert (first.state, first.decided_by, first.decided_at) == (
        ProposalState.APPROVED,
        "hao",
        NOW + 5,
    )
    assert approved(first, "hao", NOW + 9) == first
    assert approved(carried_out(first), "hao", NOW + 9) == carried_out(first)
    with pytest.raises(StepRefused) as found:
        approved(first, "mei", NOW + 9)
    assert found.value.code == "proposal.closed"


def test_a_proposal_expires_by_itself() -> None:
    """To the millisecond; what was approved before does not."""
    assert approved(OPEN, "hao", END - 1).state is ProposalState.APPROVED
    assert shown(OPEN, END - 1).state is ProposalState.OPEN
    assert shown(OPEN, END).state is ProposalState.EXPIRED
    steps: tuple[Callable[[], Proposal], ...] = (
        lambda: approved(OPEN, "hao", END),
        lambda: rejected(OPEN, "hao", RejectReason.MISTAKEN, END),
    )
    for step in steps:
        with pytest.raises(StepRefused) as found:
            step()
        assert found.value.code == "proposal.expired"
    for state in ProposalState:
        assert shown(at(state), END + 1).state is STEPS.get((state, _EXPIRE), state)


def test_what_waits_is_taken_back_until_it_is_due() -> None:
    """By who proposed it and by others, the approver too; what is carried out at once never."""
    waits = approved(OPEN, "hao", NOW, wait_ms=1000)
    assert (waits.state, waits.due, is_due(waits, NOW + 999)) == (
        ProposalState.APPROVED,
        NOW + 1000,
        False,
    )
    ways = (
        ("ling", RejectReason.WITHDRAWN),
        ("hao", RejectReason.MISTAKEN),
        ("mei", RejectReason.UNFOUNDED),
    )
    for person, why in ways:
        assert rejected(waits, person, why, NOW + 999).state in ENDED
        for late in (
            lambda person=person, why=why: rejected(waits, person, why, NOW + 1000),
            lambda person=person, why=why: rejected(approved(OPEN, "hao", NOW), person, why, NOW),
        ):
            with pytest.raises(StepRefused) as found:
                late()
            assert found.value.code == "proposal.closed"
    assert is_due(waits, NOW + 1000)
    assert not is_due(carried_out(waits), NOW + 1000)


def test_who_proposed_takes_back_and_others_reject() -> None:
    """Each with a reason of their own."""
    back = rejected(OPEN, "ling", RejectReason.WITHDRAWN, NOW)
    assert (back.state, back.decided_by) == (ProposalState.WITHDRAWN, "ling")
    assert rejected(back, "ling", RejectReason.WITHDRAWN, NOW + 7) == back
    other = rejected(OPEN, "hao", RejectReason.DUPLICATE, NOW)
    assert (other.state, other.why) == (ProposalState.REJECTED, RejectReason.DUPLICATE)
    for person, why in (("ling", RejectReason.UNFOUNDED), ("hao", RejectReason.WITHDRAWN)):
        with pytest.raises(StepRefused) as found:
            rejected(OPEN, person, why, NOW)
        assert found.value.code == "proposal.reason"
    with pytest.raises(StepRefused):
        rejected(other, "hao", RejectReason.MISTAKEN, NOW)

"""What a proposal is about, as every kind of proposal says it; and how its value holds."""

from typing import Final, NamedTuple

from verifier.contract.proposal import Proposal
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.store.causes import PEOPLE, ChangeCause, ChangeMode, Hold

HOUR_S: Final = 3600


class Matter(NamedTuple):
    """What a proposal is about, as it stands now."""

    subject: str
    before: str
    after: str
    identity: str = ""
    """How it was made sure who asks, where somebody asked for it."""
    note: bytes = b""
    """What carrying it out needs and nobody is shown; kept beside the proposal."""


def decision(proposal: Proposal, seal: ChangeSeal, moment: float) -> ChangeCause:
    """Return the cause of a value that two people have decided, at a moment (Unix seconds)."""
    hold, at = None, int(moment)
    if proposal.hours != 0:
        hold = Hold(
            proposal=proposal.id,
            by=(proposal.proposed_by, proposal.decided_by),
            reason=proposal.reason,
            at=at,
            until=0 if proposal.hours is None else at + proposal.hours * HOUR_S,
        )
    return ChangeCause(f"proposal:{proposal.id}", seal, ChangeMode.DECISION, PEOPLE, hold)

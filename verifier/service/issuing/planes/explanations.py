"""Which changes of a plane are explained: the publisher signs these, and no others.

A change is explained by the seal of the issuing process, which makes each change for a stated
reason (a proposal, a batch, a revocation, an issue, an erasure); where the reason is a proposal, it
must be there, decided by two people, and say exactly this value. A seal counts once: not again, and
not long after newer ones.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from verifier.contract.proposal import Proposal, ProposalKind, ProposalState
from verifier.contract.status import PlaneName
from verifier.feeds.sources import value_of
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.store.city_load import LOAD
from verifier.service.store.deltas import PendingEntry
from verifier.status.changes import RECORD_BYTES
from verifier.status.comparison import part_of

PROPOSAL: Final = "proposal:"
LATE_MS: Final = 600_000
"""Milliseconds by which a change may be older than the newest one that was published: a backlog
takes minutes. An older one is a change of before, written down again."""
REMEMBERED: Final = 65_536
"""Nonces kept: four times what may wait at once. An entry that outlives them is too late."""

MAX_WHY_CHARS: Final = 60
"""Of what a refused change says of itself, in the audit log."""
_SHOWN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789:-_.")

ReadProposal = Callable[[str], Awaitable[Proposal | None]]


class RefusedChange(NamedTuple):
    """A change that nothing explains."""

    why: str
    """What it says of itself, printable."""
    place: int
    """Its index in the list."""
    value: int


class Explanations:
    """Judges the entries of one plane."""

    def __init__(self, name: PlaneName, seal: ChangeSeal, proposal: ReadProposal) -> None:
        self._name = name
        self._seal = seal
        self._proposal = proposal
        self._newest_ms = 0
        self._counted: OrderedDict[bytes, str] = OrderedDict()

    def begin(self, as_of: float) -> None:
        """Begin after a version of a moment (Unix seconds): what is much older is late."""
        self._newest_ms = max(self._newest_ms, int(as_of * 1000))

    async def judge(
        self, entries: Sequence[PendingEntry]
    ) -> tuple[list[PendingEntry], list[RefusedChange]]:
        """Return the entries that are explained, in their order, and what the others would change.

        Raises:
            RedisError: the store is away.
        """
        explained: list[PendingEntry] = []
        refused: list[RefusedChange] = []
        waiting: set[bytes] = set()
        for entry in entries:
            if entry.sealed.nonce not in waiting and await self._explained(entry):
                waiting.add(entry.sealed.nonce)
                explained.append(entry)
            else:
                refused += _shown(entry)
        return explained, refused

    def count(self, entries: Sequence[PendingEntry]) -> None:
        """Note that entries were published: none of them counts again."""
        for entry in entries:
            self._counted[entry.sealed.nonce] = entry.id
            self._newest_ms = max(self._newest_ms, entry.sealed.at_ms)
        while len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)

    async def _explained(self, entry: PendingEntry) -> bool:
        sealed = entry.sealed
        if not self._seal.holds(self._name, sealed) or sealed.at_ms < self._newest_ms - LATE_MS:
            return False
        if self._counted.get(sealed.nonce, entry.id) != entry.id:
            return False
        if entry.whole:
            # The mark stands beside the seal, not under it: only a load's seal may bear it.
            return sealed.why.startswith(f"{LOAD}:") and not sealed.asked
        if not part_of(entry.packed, sealed.asked):
            return False
        if sealed.why.startswith(PROPOSAL):
            return await self._decided(sealed.why.removeprefix(PROPOSAL), sealed.asked)
        return True

    async def _decided(self, proposal_id: str, asked: bytes) -> bool:
        """Say whether two people have decided exactly this change."""
        proposal = await self._proposal(proposal_id)
        if (
            proposal is None
            or proposal.state is not ProposalState.DONE
            or proposal.decided_by in ("", proposal.proposed_by)
            or len(asked) != RECORD_BYTES
        ):
            return False
        index, value = int.from_bytes(asked[:4], "big"), asked[4]
        if value != value_of(self._name.plane, _word(proposal.after)):
            return False
        if proposal.kind is ProposalKind.COLOUR:
            return proposal.subject == f"person:{self._name.list_number}:{index}"
        if proposal.kind is not ProposalKind.CORRECTION:
            return False
        # Not what the case says by now: it lies where the feeds process writes.
        return proposal.subject.split(":")[2:] == [*str(self._name).split(":"), str(index)]


def _word(word: str) -> str | int:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 3 else word


def _shown(entry: PendingEntry) -> list[RefusedChange]:
    why = "".join(c if c in _SHOWN else "?" for c in entry.sealed.why[:MAX_WHY_CHARS])
    rows = range(0, len(entry.packed) - RECORD_BYTES + 1, RECORD_BYTES)
    return [
        RefusedChange(why, int.from_bytes(entry.packed[at : at + 4], "big"), entry.packed[at + 4])
        for at in rows
    ]

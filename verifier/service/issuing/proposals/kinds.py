"""The kinds of proposals: what each asks, who may propose it, what stands there, how it is done.

A kind is a row of the table that `kinds` returns; nothing else knows kinds. `carry_out` makes its
change in one step of the store with the marker that ends the proposal, or can be repeated without
harm until that marker is set.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from redis.asyncio import Redis

from runtime.clock import now
from runtime.http.problems import Problem
from verifier.contract.audit import AuditAction
from verifier.contract.errors import MalformedError
from verifier.contract.proposal import (
    COLOUR_REASONS,
    DESTRUCTION_REASONS,
    ERASURE_REASONS,
    Proposal,
    ProposalKind,
    ProposalReason,
    ProposeColour,
    ProposeCorrection,
    ProposeDestruction,
    ProposeErasure,
)
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import ApiScope, Colour, Plane
from verifier.issuing.change_seal import ChangeSeal
from verifier.issuing.persons import ReferenceKey
from verifier.service.issuing.people.named_persons import NamedPersons
from verifier.service.issuing.planes.destroyer import Destroyer
from verifier.service.issuing.proposals.correction import CorrectionProposals
from verifier.service.issuing.proposals.destruction import DestructionProposals
from verifier.service.issuing.proposals.erasure import ErasureProposals
from verifier.service.issuing.proposals.kind import Matter, decision
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.causes import read_held_value
from verifier.service.store.indices import is_person
from verifier.service.store.observed import observe
from verifier.service.store.persons import find_persons
from verifier.service.store.planes import DESTROYED, Marker, PlaneUnknown, change, read_value

Asked = ProposeColour | ProposeCorrection | ProposeDestruction | ProposeErasure
"""What a request may propose; a new kind joins it here."""
PERSON: Final = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRules:
    """A row: one kind of proposal."""

    kind: ProposalKind
    scope: ApiScope
    """Who may propose it."""
    reasons: frozenset[ProposalReason]
    look: Callable[[Any], Awaitable[Matter]]
    """Takes the request; raises a Problem when it makes no sense."""
    stands: Callable[[Proposal], Awaitable[str]]
    """Returns what stands there now; a proposal whose `before` is another is overtaken."""
    carry_out: Callable[[Proposal, Marker], Awaitable[bool]]
    """Does it, and sets the marker; False: what stands there, or the marker, is another."""
    settle: Callable[[Proposal], Awaitable[None]] | None = None
    """Does what is left once the marker is set; done again, it changes nothing."""
    wait_s: int = 0
    """Seconds between approval and carrying it out, in which it can be taken back."""
    action: AuditAction = AuditAction.APPLY
    """What the audit log says before it is carried out by the process itself."""


def kinds(
    redis: Redis,
    settings: IssuingSettings,
    key: ReferenceKey,
    destroyer: Destroyer,
    *,
    seal: ChangeSeal,
) -> dict[ProposalKind, ProposalRules]:
    """Return the table, for the one list that is issued from."""
    list_number, people = settings.list, settings.people
    colours = Colours(redis, list_number, people, key, seal)
    corrections = CorrectionProposals(redis, seal)
    endings = DestructionProposals(redis, list_number, destroyer)
    named = NamedPersons(redis, list_number, people, key)
    erasures = ErasureProposals(redis, list_number, named, seal)
    return {
        ProposalKind.COLOUR: ProposalRules(
            kind=ProposalKind.COLOUR,
            scope=ApiScope.PROPOSE,
            reasons=COLOUR_REASONS,
            look=colours.look,
            stands=colours.stands,
            carry_out=colours.carry_out,
        ),
        ProposalKind.CORRECTION: ProposalRules(
            kind=ProposalKind.CORRECTION,
            scope=ApiScope.PROPOSE,
            reasons=COLOUR_REASONS,
            look=corrections.look,
            stands=corrections.stands,
            carry_out=corrections.carry_out,
            settle=corrections.settle,
        ),
        ProposalKind.DESTRUCTION: ProposalRules(
            kind=ProposalKind.DESTRUCTION,
            scope=ApiScope.ADMINISTER,
            reasons=DESTRUCTION_REASONS,
            look=endings.look,
            stands=endings.stands,
            carry_out=endings.carry_out,
        ),
        ProposalKind.ERASURE: ProposalRules(
            kind=ProposalKind.ERASURE,
            scope=ApiScope.PERSONS,
            reasons=ERASURE_REASONS,
            look=erasures.look,
            stands=erasures.stands,
            carry_out=erasures.carry_out,
            wait_s=settings.erasure_wait_s,
            action=AuditAction.ERASE_PERSON,
        ),
    }


class Colours:
    """A person's colour."""

    def __init__(
        self, redis: Redis, list_number: int, people: int, key: ReferenceKey, seal: ChangeSeal
    ) -> None:
        self._redis = redis
        self._name = PlaneName(list_number, Plane.HEALTH)
        self._people = people
        self._key = key
        self._seal = seal

    async def look(self, asked: ProposeColour) -> Matter:
        """Find the person and the colour that he or she has.

        Raises:
            Problem: 400 body.field or reference.bad, 404 person.unknown, 409 proposal.same.
        """
        person = await self._person(asked)
        before = await self._colour(person)
        held = await read_held_value(self._redis, self._name, person)
        if before == asked.to and held is None:  # else it is proposed how long it holds
            raise Problem(HTTPStatus.CONFLICT, "proposal.same")
        return Matter(f"{PERSON}:{self._name.list_number}:{person}", before, asked.to)

    async def stands(self, proposal: Proposal) -> str:
        """Return the person's colour."""
        try:
            return await self._colour(_index(proposal))
        except PlaneUnknown:
            return DESTROYED

    async def carry_out(self, proposal: Proposal, marker: Marker) -> bool:
        """Change the colour if it is still the one that was shown to both."""
        person, moment = _index(proposal), now()
        # Noted as an observation, so that a batch under way with older ones does not undo it.
        await observe(self._redis, self._name, [(person, int(moment))], moment)
        try:
            return await change(
                self._redis,
                {self._name: [(person, Colour[proposal.after.upper()])]},
                cause=decision(proposal, self._seal, moment),
                marker=marker,
                expected={self._name: [(person, Colour[proposal.before.upper()])]},
            )
        except PlaneUnknown:
            return False

    async def _person(self, asked: ProposeColour) -> int:
        if (asked.person is None) == (asked.reference is None):
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.person")
        person = asked.person
        if asked.reference is not None:
            try:
                digest = self._key.digest(asked.reference)
            except MalformedError:
                # Without its cause: no trace of the reference may come near a log.
                raise Problem(
                    HTTPStatus.BAD_REQUEST, "reference.bad", field="$.reference"
                ) from None
            (person,) = await find_persons(self._redis, self._name.list_number, [digest])
        if (
            person is None
            or person >= self._people
            or not await is_person(self._redis, self._name.list_number, person)
        ):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")
        return person

    async def _colour(self, person: int) -> str:
        (value,) = await read_value(self._redis, self._name, [person])
        return Colour(value).name.lower()


def _index(proposal: Proposal) -> int:
    return int(proposal.subject.rpartition(":")[2])

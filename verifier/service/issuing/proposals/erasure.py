"""Erasing a person: a proposal of its own kind, an administrator's, approved by a second person.

Nobody erases anybody alone, by index or by reference. It is carried out a day after the approval;
until then whoever proposed it takes it back, or anybody who may approve rejects it. The order of
what is erased is in docs/privacy.md; done again after an interruption, it does the rest.
"""

from http import HTTPStatus
from typing import Final

from redis.asyncio import Redis

from runtime.clock import now
from runtime.http.problems import Problem
from verifier.contract.proposal import Proposal, ProposeErasure
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.issuing.people.named_persons import NamedPersons
from verifier.service.issuing.proposals.kind import Matter
from verifier.service.store.causes import ChangeCause, ChangeMode
from verifier.service.store.erased import were_erased
from verifier.service.store.persons import find_indices, forget_person
from verifier.service.store.planes import Marker, change
from verifier.service.store.proposals import drop_note, read_note
from verifier.service.store.subjects import erase_subject, read_subject

KEPT: Final = "kept"
ERASED: Final = "erased"


class ErasureProposals:
    """The persons of one list, and their ends."""

    def __init__(
        self, redis: Redis, list_number: int, persons: NamedPersons, seal: ChangeSeal
    ) -> None:
        self._redis = redis
        self._list_number = list_number
        self._persons = persons
        self._seal = seal

    async def look(self, asked: ProposeErasure) -> Matter:
        """Find the person; the digest of a reference is noted, so that it can be forgotten too.

        Raises:
            Problem: 400 body.field or reference.bad, 404 person.unknown, 409 proposal.same.
        """
        digest = self._persons.digest(asked)
        person = await self._persons.index(asked, digest)
        stands = await self._stands(person)
        if digest is None and stands == ERASED:
            raise Problem(HTTPStatus.CONFLICT, "proposal.same")
        # By a reference that was left by an erasure by index: it is forgotten.
        subject = f"person:{self._list_number}:{person}"
        return Matter(subject, stands, ERASED, identity=asked.identity, note=digest or b"")

    async def stands(self, proposal: Proposal) -> str:
        """Say whether the person is there."""
        return await self._stands(_index(proposal))

    async def carry_out(self, proposal: Proposal, marker: Marker) -> bool:
        """Erase the person, then end the proposal."""
        person, moment = _index(proposal), int(now())
        kept = await read_subject(self._redis, self._list_number, person, now=moment)
        await erase_subject(
            self._redis,
            self._list_number,
            person,
            kept,
            cause=ChangeCause(f"erasure:{proposal.id}", self._seal, ChangeMode.ERASURE),
            now=moment,
        )
        digest = await read_note(self._redis, proposal.id)
        if digest is not None:
            # A reference that has become somebody else's meanwhile stays that person's.
            if await find_indices(self._redis, self._list_number, [digest]) == [person]:
                await forget_person(self._redis, self._list_number, digest)
            await drop_note(self._redis, proposal.id)
        return await change(self._redis, {}, marker=marker)

    async def _stands(self, person: int) -> str:
        (erased,) = await were_erased(self._redis, self._list_number, [person])
        return ERASED if erased else KEPT


def _index(proposal: Proposal) -> int:
    return int(proposal.subject.rpartition(":")[2])

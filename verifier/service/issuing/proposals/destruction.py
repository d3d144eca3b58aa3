"""Ending a person plane: a proposal of its own kind, an administrator's, approved by a second one.

What the approval sets off may take minutes, since the store's file is rewritten before anything is
certified; until then the proposal stands as approved, and whoever asks again gets it done.
"""

from http import HTTPStatus
from typing import Final

from redis.asyncio import Redis

from runtime.http.problems import Problem
from verifier.contract.proposal import Proposal, ProposeDestruction
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.errors import Outage
from verifier.service.issuing.planes.destroyer import Destroyer
from verifier.service.issuing.proposals.kind import Matter
from verifier.service.store.aof_rewrite import RewriteError
from verifier.service.store.planes import DESTROYED, Marker, PlaneUnknown, change, read_planes

PLANE: Final = "plane"
KEPT: Final = "kept"
"""What stands of a plane that is there."""


class DestructionProposals:
    """The planes of one list, and their ends."""

    def __init__(self, redis: Redis, list_number: int, destroyer: Destroyer) -> None:
        self._redis = redis
        self._list_number = list_number
        self._destroyer = destroyer

    async def look(self, asked: ProposeDestruction) -> Matter:
        """Find the plane.

        Raises:
            Problem: 409 plane.unknown: there is none, or none any more.
        """
        if PlaneName(self._list_number, Plane(asked.plane)) not in await read_planes(self._redis):
            raise Problem(HTTPStatus.CONFLICT, "plane.unknown")
        return Matter(f"{PLANE}:{self._list_number}:{asked.plane}", KEPT, DESTROYED)

    async def stands(self, proposal: Proposal) -> str:
        """Say whether the plane is there."""
        return KEPT if _name(proposal) in await read_planes(self._redis) else DESTROYED

    async def carry_out(self, proposal: Proposal, marker: Marker) -> bool:
        """Destroy the plane, then end the proposal; done again, it finds the certificate.

        Raises:
            Outage: the store's file is not rewritten yet.
        """
        try:
            await self._destroyer.destroy(
                _name(proposal),
                reason=proposal.text,
                by=(proposal.proposed_by, proposal.decided_by),
                order=proposal.id,
            )
        except PlaneUnknown:
            return False
        except RewriteError as error:
            raise Outage(str(error)) from error
        return await change(self._redis, {}, marker=marker)


def _name(proposal: Proposal) -> PlaneName:
    _, list_number, plane = proposal.subject.split(":")
    return PlaneName(int(list_number), Plane(plane))

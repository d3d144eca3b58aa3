"""What the planes say of a verified code, whether or not a place asks for it. Pure.

Of a group the worst colour of its members counts, where they are known: they stand in the code, or
in a roster of the place that is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from verifier.codes.claims import Claims
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Colour, Plane
from verifier.groups.roster import unpack_members
from verifier.status.plane import PlaneView
from verifier.trust.known import Known

UNKNOWN: Final = "unknown"
"""No plane of the code's list is at hand, or it is too short."""
IN_FORCE: Final = "in force"
REVOKED: Final = "revoked"
_WORST_FIRST: Final = (Colour.RED, Colour.YELLOW, Colour.NONE, Colour.GREEN)
_GOOD: Final = frozenset({UNKNOWN, Colour.NONE.name.lower(), Colour.GREEN.name.lower()})


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStatus:
    """Revocation of the credential and colour of its person, as the planes have them."""

    revocation: str
    """in force, revoked, or unknown."""
    colour: str
    """none, green, yellow, red or unknown; of a group the worst of its members'."""
    as_of: float | None
    """Unix seconds up to which both are known; None: one of them is not."""

    @property
    def speaks_against(self) -> bool:
        """Whether the code was revoked, or the person or a member is yellow or red."""
        return self.revocation == REVOKED or self.colour not in _GOOD

    @property
    def words(self) -> str:
        """Return the status in a few words."""
        return f"{self.revocation}, {self.colour}"

    def document(self) -> dict[str, Any]:
        """Return what JSON says."""
        return {"revocation": self.revocation, "colour": self.colour, "as_of": self.as_of}


def status_of(claims: Claims | None, known: Known, place: str | None = None) -> CodeStatus | None:
    """Look a verified code up; None: it is not verified, or no list belongs to it."""
    if claims is None or claims.list is None or claims.credential is None:
        return None
    revoked = known.status.plane(claims.list, Plane.REVOCATION)
    health = known.status.plane(claims.list, Plane.HEALTH)
    revocation = UNKNOWN
    if revoked is not None and 0 <= claims.credential < revoked.values.size:
        revocation = REVOKED if revoked.values[claims.credential] else IN_FORCE
    colour = UNKNOWN if health is None else _worst(_persons(claims, known, place), health)
    moments = [view.known_as_of for view in (revoked, health) if view is not None]
    return CodeStatus(
        revocation=revocation,
        colour=colour,
        as_of=min(moments) if len(moments) == 2 else None,
    )


def _persons(claims: Claims, known: Known, place: str | None) -> Sequence[int]:
    """Return the person indices that a code speaks for; none where they are not known here."""
    if claims.person is not None:
        return (claims.person,)
    group, number = claims.group, claims.list
    if group is None or number is None:
        return ()
    if group.packed is not None:
        try:
            found = unpack_members(group.packed, count=group.members, list_number=number)
        except MalformedError:
            return ()
        return tuple(map(int, found.persons))
    roster = None if place is None else known.rosters.find(place, group.group)
    if roster is None or roster.members.list != number:
        return ()
    return tuple(map(int, roster.members.persons))


def _worst(persons: Sequence[int], health: PlaneView) -> str:
    """Return the worst colour of these; unknown where one is outside the plane, or nobody is."""
    if not persons or not all(0 <= person < health.values.size for person in persons):
        return UNKNOWN
    colours = {Colour(health.values[person]) for person in persons}
    return next(colour for colour in _WORST_FIRST if colour in colours).name.lower()

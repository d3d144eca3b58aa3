"""What the planes say of a verified code, whether or not a place asks for it. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from verifier.codes.claims import Claims
from verifier.contract.vocabulary import Colour, Plane
from verifier.trust.known import Known

UNKNOWN: Final = "unknown"
"""No plane of the code's list is at hand, or it is too short."""
IN_FORCE: Final = "in force"
REVOKED: Final = "revoked"
_GOOD: Final = frozenset({None, UNKNOWN, Colour.NONE.name.lower(), Colour.GREEN.name.lower()})


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStatus:
    """Revocation of the credential and colour of its person, as the planes have them."""

    revocation: str
    """in force, revoked, or unknown."""
    colour: str | None
    """none, green, yellow, red or unknown; None: the code names no person."""
    as_of: float | None
    """Unix seconds up to which both are known; None: one of them is not."""

    @property
    def speaks_against(self) -> bool:
        """Whether the code was revoked, or the person is yellow or red."""
        return self.revocation == REVOKED or self.colour not in _GOOD

    @property
    def words(self) -> str:
        """Return the status in a few words."""
        return self.revocation if self.colour is None else f"{self.revocation}, {self.colour}"

    def document(self) -> dict[str, Any]:
        """Return what JSON says."""
        return {"revocation": self.revocation, "colour": self.colour, "as_of": self.as_of}


def status_of(claims: Claims | None, known: Known) -> CodeStatus | None:
    """Look a verified code up; None: it is not verified, or no list belongs to it."""
    if claims is None or claims.list is None or claims.credential is None:
        return None
    revoked = known.status.plane(claims.list, Plane.REVOCATION)
    health = known.status.plane(claims.list, Plane.HEALTH)
    asked = [revoked]
    revocation, colour = UNKNOWN, None
    if revoked is not None and 0 <= claims.credential < revoked.values.size:
        revocation = REVOKED if revoked.values[claims.credential] else IN_FORCE
    if claims.person is not None:
        asked.append(health)
        colour = UNKNOWN
        if health is not None and 0 <= claims.person < health.values.size:
            colour = Colour(health.values[claims.person]).name.lower()
    moments = [view.known_as_of for view in asked if view is not None]
    return CodeStatus(
        revocation=revocation,
        colour=colour,
        as_of=min(moments) if len(moments) == len(asked) else None,
    )

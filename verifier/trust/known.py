"""What is known at a gate or a worker: everything that a scan is judged by.

One immutable value. What is taken newer makes another one, so that no scan sees half an update.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from verifier.contract.vocabulary import Plane
from verifier.groups.roster import NO_ROSTERS, Rosters
from verifier.policy.profiles import NO_PROFILES, Profiles
from verifier.sectors.appointments import PlaceAppointments
from verifier.status.plane import NO_STATUS, Status
from verifier.status.rids import RevokedCards
from verifier.trust.signers import NO_TRUST, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything a scan is judged by; replaced as a whole, never changed in place."""

    trust: Trust
    status: Status
    profiles: Profiles = NO_PROFILES
    rosters: Rosters = NO_ROSTERS
    appointments: Mapping[str, PlaceAppointments] = field(default_factory=dict)
    """By place."""
    revoked_cards: Mapping[str, RevokedCards] = field(default_factory=dict)
    """SHC: by the kid of the signing key; a key without a list: its cards are not asked for."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """What bundles of kinds without a field of their own hold, by the bundle's name."""
    judged: frozenset[tuple[int, Plane]] | None = None
    """Planes that were taken, refused or ended here, by list; None: all there are.

    A plane that is missing and stands here cannot be known. One that is missing and does not stand
    here was not looked at yet: no stance lets a person pass on that.
    """

    def was_judged(self, list_number: int, plane: Plane) -> bool:
        """Say whether a plane was looked at, whatever came of it."""
        return self.judged is None or (list_number, plane) in self.judged

    def having_judged(self, list_number: int, plane: Plane) -> "Known":
        """Return what is known, and that a plane was looked at."""
        if self.was_judged(list_number, plane):
            return self
        judged = frozenset() if self.judged is None else self.judged
        return replace(self, judged=judged | {(list_number, plane)})

    def not_having_judged(self, list_number: int, plane: Plane) -> "Known":
        """Return what is known, and that a plane is yet to be looked at."""
        if self.judged is None:
            return self
        return replace(self, judged=self.judged - {(list_number, plane)})


NOTHING_KNOWN: Final = Known(trust=NO_TRUST, status=NO_STATUS, judged=frozenset())
"""What stands at a start: no plane was looked at."""

"""What is known at a gate or a worker: everything that a scan is judged by.

One immutable value. What is taken newer makes another one, so that no scan sees half an update.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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


NOTHING_KNOWN: Final = Known(trust=NO_TRUST, status=NO_STATUS)

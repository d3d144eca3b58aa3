"""Why a credential is revoked: a closed list, since the audit log keeps it."""

from enum import StrEnum

from msgspec import Struct


class RevocationReason(StrEnum):
    """What happened to a credential. Closed."""

    LOST = "lost"
    """Phone or paper was lost, or is out of use."""
    STOLEN = "stolen"
    MISUSED = "misused"
    """Somebody else showed it."""
    REPLACED = "replaced"
    ISSUED_WRONGLY = "issued_wrongly"
    """To the wrong person, or for what is not so."""
    ORDER = "order"
    """An authority ordered it."""


class Revocation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/credentials/INDEX/revoke."""

    reason: RevocationReason

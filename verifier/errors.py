"""The verifier's error tree.

    VerifierError
    ├── Refusal        the code is not acceptable: carries the Reason (theirs)
    ├── BundleRefused  a signed bundle is not acceptable: carries the cause (theirs)
    ├── ProfileError   a profile file is wrong: names the field (ours)
    └── Outage         something we lean on did not answer (the way there)

Nothing malformed raises anything else out of the core; messages never quote the input.
"""

from enum import StrEnum

from verifier.contract.reasons import Reason


class VerifierError(Exception):
    """Root of all errors of the verifier."""


class Refusal(VerifierError):  # noqa: N818 - it is an outcome, and the trade's word for it
    """A code was refused, for a reason of the closed vocabulary."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class BundleCause(StrEnum):
    """Why a bundle was refused."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    UNKNOWN_KEY = "unknown_key"
    ORDER = "order"
    """It leans on one that is not there yet, or skips a version of the root."""
    ROLLBACK = "rollback"
    FORK = "fork"
    """The same version with other bytes."""
    EXPIRED = "expired"
    WRONG_USE = "wrong_use"


class BundleRefused(VerifierError):  # noqa: N818
    """A signed bundle was refused; what was trusted before stays trusted."""

    def __init__(self, cause: BundleCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class ProfileError(VerifierError):
    """A profile file does not say what a profile must say; `field` names where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Outage(VerifierError):  # noqa: N818
    """The store or another service did not answer."""

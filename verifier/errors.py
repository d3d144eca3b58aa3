"""The verifier's error tree.

    VerifierError
    ├── Refusal        the code is not acceptable: carries the Reason (theirs)
    ├── BundleRefused  a signed bundle is not acceptable: carries the cause (theirs)
    ├── TokenRefused   an operator's token is not acceptable: carries the cause (theirs)
    ├── ProfileError   a profile file is wrong: names the field (ours)
    ├── FeedRefused    a batch of a source is not acceptable: carries the cause (theirs)
    ├── SourceError    the file of a source is wrong: names the field (ours)
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
    LEAP = "leap"
    """A version above the highest there may be, or too far above the one before."""
    FUTURE = "future"
    """Issued later than it is: the publisher's clock is ahead, or the one here is behind."""


class BundleRefused(VerifierError):  # noqa: N818
    """A signed bundle was refused; what was trusted before stays trusted."""

    def __init__(self, cause: BundleCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class TokenCause(StrEnum):
    """Why an operator's token was refused."""

    BAD = "bad"
    """No token, or not signed by a key that may sign one now."""
    EXPIRED = "expired"
    EARLY = "early"
    """Issued in the future."""
    STALE = "stale"
    """What is trusted here has expired itself, so nobody can be believed."""


class TokenRefused(VerifierError):  # noqa: N818
    """An operator's token opens nothing."""

    def __init__(self, cause: TokenCause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class ProfileError(VerifierError):
    """A profile file does not say what a profile must say; `field` names where.

    `places`: of which places, where the profiles themselves hold and their set does not.
    """

    def __init__(self, field: str, message: str, places: tuple[str, ...] = ()) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.places = places


class FeedCause(StrEnum):
    """Why a batch, or a part of one, was not taken (docs/feeds.md)."""

    MANIFEST_MALFORMED = "manifest.malformed"
    MANIFEST_SIGNATURE = "manifest.signature"
    MANIFEST_SOURCE = "manifest.source"
    """It names another source than the address."""
    MANIFEST_SCOPE = "manifest.scope"
    MANIFEST_LARGE = "manifest.large"
    MANIFEST_CLOCK = "manifest.clock"
    PLANE_UNKNOWN = "plane.unknown"
    """A plane that is switched off here, or was destroyed."""
    SOURCE_SUSPENDED = "source.suspended"
    SOURCE_OPEN = "source.open"
    """Its circuit breaker is open."""
    BATCH_GAP = "batch.gap"
    """A number between the last one and this is missing."""
    BATCH_CONFLICT = "batch.conflict"
    """The number was used for another batch."""
    BATCH_OLD = "batch.old"
    """So old that nothing is known of it any more."""
    BATCH_BUSY = "batch.busy"
    """Another batch of the source is being applied."""
    BATCH_UNKNOWN = "batch.unknown"
    PART_OFFSET = "part.offset"
    """A part that does not begin where the last one ended."""
    PART_ENCODING = "part.encoding"
    """Not the gzip it says it is, or more than it may be."""
    PART_LARGE = "part.large"
    """More bytes than the manifest says."""
    BODY_LINES = "body.lines"
    """Another number of lines than the manifest says."""
    BODY_DIGEST = "body.digest"
    """Other bytes than the manifest says."""
    BODY_HEADER = "body.header"
    """A CSV without its first line."""
    BODY_ERRORS = "body.errors"
    """More wrong lines than the source may send."""


class FeedRefused(VerifierError):  # noqa: N818
    """A batch was refused; nothing of it was applied."""

    def __init__(self, cause: FeedCause, **told: int) -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.told = told
        """Numbers that help the sender: what was expected, whose clock says what."""


class SourceError(VerifierError):
    """The file of a source does not say what it must say; `field` names where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Outage(VerifierError):  # noqa: N818
    """The store or another service did not answer."""

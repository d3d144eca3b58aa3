"""The words that codes, messages, records, topics and pages share. Closed: unknown means no."""

from enum import IntEnum, StrEnum
from typing import Final


class Outcome(StrEnum):
    """What the gate does."""

    PASS = "pass"  # noqa: S105 - a word of the trade, not a password
    DENY = "deny"
    REVIEW = "review"
    """A person decides: an operator or the staff at the place."""


class Step(StrEnum):
    """The numbered steps of `assess`, then the store's."""

    RECOGNISE = "recognise"
    DECODE = "decode"
    KEYS = "keys"
    SIGNATURE = "signature"
    TIME = "time"
    STATUS = "status"
    PROFILE = "profile"
    USE = "use"


class StepResult(StrEnum):
    """What a step answered; SKIPPED is never taken for OK."""

    OK = "ok"
    SKIPPED = "skipped"
    UNSURE = "unsure"
    """It could not be known; the profile's stance decides."""
    REFUSED = "refused"


class Format(StrEnum):
    """Formats of codes, named by their prefix."""

    CC1 = "CC1"
    HC1 = "HC1"
    SHC = "SHC"


class DocumentForm(StrEnum):
    """What a foreign document is; one format carries several."""

    DCC = "DCC"
    """HC1: the EU Digital COVID Certificate."""
    DDCC_VS = "DDCC:VS"
    """HC1: WHO's certificate of a vaccination."""
    DDCC_TR = "DDCC:TR"
    """HC1: WHO's certificate of a test result."""
    ICVP = "ICVP"
    """HC1: the international certificate of vaccination or prophylaxis, such as yellow fever."""
    LINK = "link"
    """HC1: a link to documents that lie elsewhere; it says nothing on anybody's health."""
    CARD = "SHC"
    """A SMART Health Card."""
    OTHER = "other"
    """Genuine, and of a kind that is not read here."""


class Kind(IntEnum):
    """Whose code it is (CC1 claim `kind`)."""

    PERSONAL = 1
    GROUP = 2


class Sector(IntEnum):
    """Sectors of a city code (CC1 claim `sectors`)."""

    HALL = 1
    TRANSIT = 2
    CULTURE = 3
    HEALTH = 4


class SectorClass(IntEnum):
    """Class of a person in a sector; numbers past these are carried, never interpreted."""

    ORDINARY = 0
    SENIOR = 1
    STUDENT = 2
    DISABLED = 3
    SERVICEMAN = 4
    STAFF = 5


class CertificateUse(StrEnum):
    """Kinds of certificate a key may be bound to (HC1: extended key usage); words of `uses`."""

    TEST = "test"
    VACCINATION = "vaccination"
    RECOVERY = "recovery"


class Colour(IntEnum):
    """Values of the health plane. Zero is never a pass."""

    NONE = 0
    GREEN = 1
    YELLOW = 2
    RED = 3


class Plane(StrEnum):
    """The packed lists of an issuer's list number."""

    REVOCATION = "revocation"
    HEALTH = "health"
    TEST = "test"
    DOSES = "doses"


class Direction(StrEnum):
    """Which way a gate leads."""

    IN = "in"
    OUT = "out"


class Stance(StrEnum):
    """What a place does when it cannot know."""

    OPEN = "open"
    CLOSED = "closed"


class Answer(StrEnum):
    """What the store says of the use of a code."""

    FRESH = "fresh"
    USED = "used"
    FULL = "full"
    PAIR = "pair"
    PART = "part"
    """Of a group: members had passed already; the others' uses are taken, a person lets them in."""
    UNKNOWN = "unknown"
    """No answer came; the profile's stance decides."""
    UNASKED = "unasked"
    """What is not a pass claims nothing."""


class GrantState(StrEnum):
    """Whether a terminal may act."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class ApiScope(StrEnum):
    """What a key or a grant opens."""

    SCAN = "scan"
    RESOLVE = "resolve"
    """Close reviews and admit visitors; operators only."""
    RECORDS = "records"
    BUNDLES = "bundles"
    GRANTS = "grants"
    ISSUE = "issue"
    APPOINTMENTS = "appointments"
    """Book and cancel appointments: a hall's booking system."""
    COMMANDS = "commands"
    FLEET_READ = "fleet.read"
    FEEDS = "feeds"
    """Send batches of status, and see one's own sources."""
    CORRECTIONS = "corrections"
    """Open and list cases of correction."""
    EXPORT = "export"
    """Take the signed export of records, in the fields given to the caller."""
    PROPOSE = "propose"
    """Propose what takes two people, and withdraw one's own proposal; operators only."""
    APPROVE = "approve"
    """Approve or reject what somebody else proposed; operators only."""
    REVOKE = "revoke"
    """Revoke a credential by hand; operators only."""
    ADMINISTER = "administer"
    """Propose what cannot be taken back, such as a plane's destruction; operators only."""
    PERSONS = "persons"
    """See what is kept of one person, and erase it; operators only."""

    @property
    def only_operators(self) -> bool:
        """Whether no API key may have it."""
        return self in ONLY_OPERATORS


ONLY_OPERATORS: Final = frozenset(
    {
        *(ApiScope.RESOLVE, ApiScope.PROPOSE, ApiScope.APPROVE, ApiScope.ADMINISTER),
        *(ApiScope.REVOKE, ApiScope.PERSONS),
    }
)
"""No API key may have these: a person answers for what they open."""

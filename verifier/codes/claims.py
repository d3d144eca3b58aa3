"""What a code says, in one shape for all formats; and the protocol of an unverified code."""

from datetime import date
from typing import Any, Protocol

import msgspec

from verifier.contract.vocabulary import DocumentForm, Format, Kind
from verifier.trust.keys import VerifyKey


class GroupClaim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The group a group code speaks for."""

    group: bytes
    """8 bytes."""
    roster_version: int
    members: int
    packed: bytes | None
    """Person indices of a presentation, LEB128 gaps; None: the roster must be known."""


class Validity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """From when to when a foreign document says by itself that it counts."""

    first_day: date | None = None
    last_day: date | None = None
    """Both count whole. Which moments they are depends on where one asks."""
    starts: float | None = None
    ends: float | None = None
    """Unix seconds."""
    readable: bool = True
    """False: it states a date in no form that is known; so nobody can say when it counts."""


class Dose(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The one dose that an ICVP attests."""

    day: date
    product: str | None = None
    """Id in the catalogue of products; the disease is looked up there."""
    diseases: tuple[str, ...] = ()
    """ICD-11 codes, where the document itself names them."""
    template: str = "1"
    """Version of the document's template."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Claims whose signature holds."""

    format: Format
    kind: Kind
    issuer: str | None
    issued_at: float | None
    expires: float | None
    not_before: float | None
    holder: VerifyKey | None
    """The phone's key; None: a static code."""
    list: int | None = None
    person: int | None = None
    credential: int | None = None
    sectors: dict[int, int] | None = None
    group: GroupClaim | None = None
    uses: frozenset[str] = frozenset()
    """Uses that the signing key must have for what this attests (HC1), beside `credential`."""
    card: tuple[str, str | None] | None = None
    """SHC: kid of the signing key and the card's revocation id, by which a card is revoked."""
    document: Any = None
    """The payload of foreign formats, for rules and for showing; of a link nothing of it."""
    form: DocumentForm | None = None
    """What a foreign document is; None: a code of the city."""
    validity: Validity | None = None
    dose: Dose | None = None


class Proof(Protocol):
    """What the holder's phone signed, seconds ago."""

    @property
    def issued_at(self) -> int:
        """Unix seconds on the phone's clock."""

    @property
    def audience(self) -> str | None:
        """The use scope it was made for."""

    def holds(self, key: VerifyKey) -> bool:
        """Say whether the phone's signature holds."""


class Unverified(Protocol):
    """A decoded code of which nothing is verified."""

    @property
    def format(self) -> Format:
        """The format."""

    @property
    def kid(self) -> bytes | str:
        """Which key it claims to be signed with."""

    @property
    def identity(self) -> bytes | str:
        """The exact bytes of the credential: what a verified one is remembered by."""

    @property
    def proof(self) -> Proof | None:
        """The holder's proof, if there is one."""

    def holds(self, key: VerifyKey) -> bool:
        """Say whether the issuer's signature holds under this key."""

    def claims(self) -> Claims:
        """Read the claims; only after the signature holds.

        Raises:
            MalformedError: they break the format's grammar.
        """

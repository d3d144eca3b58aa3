"""Signed bundles: root document, trust, profiles, revoked cards, appointments, rosters.

Every one is an envelope (`envelope.py`) with a deterministic CBOR payload that opens with the same
four members: `type`, `version`, `iat`, `exp` (Unix seconds). Versions start at 1 and only rise.

- root   signed by root keys (each key one envelope; a threshold of them): which keys sign bundles.
- trust  signed by a bundle key: which issuers' keys may sign what, when; lists; enabled sectors.
- profiles  signed by a bundle key: what each place asks.
- cards     signed by a bundle key: which health cards their issuers have revoked.
- appointments  signed by a bundle key: who is expected at a place, and when.
- rosters   signed by a roster key of the trust bundle (`SignedUse.ROSTER`).
Status has a file of its own (`status.py`).
"""

from typing import Annotated, Any, Final, TypeVar

import msgspec

from verifier.contract.cbor import decode
from verifier.contract.errors import MalformedError
from verifier.contract.text import PLAIN

MAX_BUNDLE_BYTES: Final = 32 * 1024 * 1024
"""Bytes of any one bundle; the largest is a test plane of 18.7 MB."""
MAX_KEYS: Final = 4096
"""Keys in a trust bundle; the EU's list of all countries had about 400."""
MAX_RULES: Final = 1000
"""Rules in the profiles bundle; fifteen countries published 194 in all."""
MAX_PRODUCTS: Final = 10_000
"""Product ids of a catalogue; WHO's list of 2026 has 60."""
MAX_MEMBERS: Final = 500
"""Members of any group: a gate judges so many in one scan."""
MAX_MASKED_CHARS: Final = 32
"""Characters of a masked name."""
MAX_APPOINTMENTS: Final = 20_000
"""Entries of a place: a hall sees a few thousand people a day, a bundle holds two days of it."""
MAX_EPOCH: Final = 1 << 31
"""Clock steps; one a second would take 68 years."""
PLACE: Final = "[a-z0-9][a-z0-9-]{1,62}"
"""How a place is called."""

Version = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[int, msgspec.Meta(ge=0)]
Day = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Icd = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Z]{2,8}(\.[0-9A-Z]{1,4})?\Z")]
"""A code of ICD-11."""
ProductId = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,128}\Z")]
SectorNumber = Annotated[int, msgspec.Meta(ge=0)]
ListNumber = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]


class BundleDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The members with which the document of every bundle opens."""

    type: str
    version: Version
    iat: Seconds
    exp: Seconds

    @property
    def newest_time(self) -> int:
        """Return the latest time that it says has come, Unix seconds."""
        return self.iat


class PlaceDocument(BundleDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same of a bundle that is one place's."""

    place: Annotated[str, msgspec.Meta(pattern=rf"\A{PLACE}\Z")]


class RootKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key as SubjectPublicKeyInfo DER; its kid is derived, never stated."""

    spki: bytes


class RootDocument(BundleDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys are root, how many of them must sign, and which keys sign bundles."""

    root_keys: Annotated[tuple[RootKey, ...], msgspec.Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=16)]
    bundle_keys: Annotated[tuple[RootKey, ...], msgspec.Meta(min_length=1, max_length=16)]


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One public key and what it may sign."""

    spki: bytes
    uses: tuple[str, ...]
    """credential, status, roster, grant, operator; of HC1 keys also test, vaccination, recovery:
    with any of these a key signs only such certificates."""
    algorithm: int
    """COSE algorithm number: -7 ES256, -8 EdDSA, -37 PS256."""
    nbf: Seconds
    exp: Seconds
    kid: bytes | None = None
    """Only where it is not the thumbprint's first 8 bytes (HC1: SHA-256 of the certificate). SHC:
    32 bytes, the thumbprint as the issuer computed it, where that is another than RFC 7638's."""
    issuer: str | None = None
    """The one `iss` it may sign for."""
    lists: tuple[ListNumber, ...] = ()
    """Status list numbers it may name (credential, roster) or publish (status)."""
    sectors: tuple[SectorNumber, ...] = ()
    formats: tuple[str, ...] = ("CC1",)
    issuing: tuple[Seconds, Seconds] | None = None
    """When the codes that count were issued, first and last second; None: at any time."""


class ClockStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lowers the floor of every terminal's clock, once: for floors that a wrong time has raised."""

    epoch: Annotated[int, msgspec.Meta(ge=1, le=MAX_EPOCH)]
    """Counts the steps; only one of a higher epoch does anything."""
    floor: Seconds
    """No terminal's floor of time stays above this; not later than the document's `iat`."""


class TrustDocument(BundleDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may sign what, when."""

    keys: Annotated[tuple[KeyEntry, ...], msgspec.Meta(max_length=MAX_KEYS)]
    lists: dict[ListNumber, str]
    """Status list number to its URI."""
    sectors_enabled: tuple[SectorNumber, ...]
    clock: ClockStep | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vaccine product: what it is against, and when it counted."""

    diseases: Annotated[tuple[Icd, ...], msgspec.Meta(min_length=1, max_length=8)]
    """ICD-11 codes, such as 1D47 yellow fever, 1C81 poliomyelitis."""
    since: Day | None = None
    until: Day | None = None
    """Days, YYYY-MM-DD; both count. A dose given outside them is not valid."""


class ProductCatalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every product id that was ever published, with its dates."""

    date: Day
    """The day of the newest list, YYYY-MM-DD."""
    products: Annotated[dict[ProductId, Product], msgspec.Meta(max_length=MAX_PRODUCTS)]


class ProfilesDocument(BundleDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All profiles, each as its validated file says (`verifier.policy.profiles.Profile`)."""

    profiles: tuple[dict[str, Any], ...]
    rules: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_RULES)] = ()
    """Rule files as published, unchanged: JSON text."""
    value_sets: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """What rules read as `external.valueSets`."""
    products: ProductCatalogue | None = None
    """Which vaccine products count; None: no ICVP that names one can be judged."""


class RosterMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member by person index, with the name as it may be shown."""

    person: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
    masked_name: Annotated[str, msgspec.Meta(max_length=MAX_MASKED_CHARS, pattern=PLAIN)]
    member_class: int = 0


class Roster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The members of one group at one version, ascending by person index."""

    group: bytes
    version: Version
    iat: Seconds
    list: ListNumber
    members: Annotated[tuple[RosterMember, ...], msgspec.Meta(min_length=1, max_length=MAX_MEMBERS)]


class RostersDocument(PlaceDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rosters of the groups that are assigned to one place."""

    rosters: tuple[Roster, ...]

    @property
    def newest_time(self) -> int:
        """Return the latest time that it says has come: a roster has an age of its own."""
        return max([self.iat, *(roster.iat for roster in self.rosters)])


class Appointment(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True
):
    """Who is expected, by status list and person index, from when to when (Unix seconds)."""

    list: ListNumber
    person: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
    begins: Seconds
    ends: Seconds


class AppointmentsDocument(PlaceDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The appointments at one place that begin until `exp`, ascending."""

    entries: Annotated[tuple[Appointment, ...], msgspec.Meta(max_length=MAX_APPOINTMENTS)]


class CardsDocument(BundleDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the issuers of SMART Health Cards have revoked, by the kid of the signing key."""

    lists: Annotated[dict[str, tuple[str, ...]], msgspec.Meta(max_length=MAX_KEYS)]
    """kid -> entries as published: `rid`, or `rid.seconds`."""


DELTA_BUCKET: Final = 64
"""Versions in a bucket of deltas: a minute of changes, or an hour of none."""


class BundleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One line of GET /v1/bundles."""

    name: str
    """root, root-<version>, trust, profiles, rosters-<place>, status-<list>-<plane>: the kinds of
    bundles stand in `verifier/trust/kinds.py`."""
    version: int
    digest: str
    """SHA-256 of the envelope, hex."""
    head: int | msgspec.UnsetType = msgspec.UNSET
    """Of a plane with deltas: the newest version that they lead to."""


class BundleIndex(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v1/bundles."""

    bundles: tuple[BundleVersion, ...]


Document = TypeVar("Document", bound=BundleDocument)


def read_document(payload: bytes, kind: type[Document], type_name: str) -> Document:
    """Read a payload whose signature holds into its type.

    Raises:
        MalformedError: another type, a missing or extra member, a value out of bounds.
    """
    found: Any = decode(payload)
    try:
        # bytes are bytes here; without builtin_types a text would be taken for base64.
        document = msgspec.convert(found, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise MalformedError(f"not a {type_name} document: {error}") from error
    if document.type != type_name or document.exp <= document.iat:
        raise MalformedError(f"not a {type_name} document")
    return document

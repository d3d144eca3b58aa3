"""Settings of the issuing process: one JSON file; keys and secrets stand there as paths."""

from typing import Annotated

from msgspec import Meta, Struct

from runtime.settings import ApiKey, DoorSettings, Name, RedisSettings
from verifier.contract.vocabulary import ApiScope, Plane
from verifier.issuing.acts import ERASURE_WAIT_S


class IssuingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    name: Name = "issuing"
    redis: RedisSettings
    service: DoorSettings
    api_keys: tuple[ApiKey[ApiScope], ...]
    issuer: Annotated[str, Meta(pattern=r"\A[0-9]{6}\Z")]
    """Division code (GB/T 2260), the `iss` of credentials."""
    list: Annotated[int, Meta(ge=0, lt=1 << 32)]
    """The status list whose indices are drawn here."""
    planes: tuple[Plane, ...] = (Plane.REVOCATION, Plane.HEALTH)
    """The planes that are kept: these two always, test and doses where they are asked for."""
    people: Annotated[int, Meta(ge=1, le=1 << 25)]
    """Person indices of the list: as many as a test plane of 32 MiB has."""
    credentials: Annotated[int, Meta(ge=1, le=1 << 28)]
    """Credential indices of the list: as many as a revocation plane of 32 MiB has."""
    issuer_key: str
    status_key: str
    bundle_key: str
    """PKCS #8 PEM."""
    reference_key: str
    """32 bytes, under which references of persons are hashed."""
    root: str
    """The root file, published as it is."""
    trust: str
    """The trust source, JSON (`verifier.issuing.publisher.TrustSource`)."""
    profiles: str
    """Folder of <place>.toml."""
    rules: str
    """Folder of rule files (`verifier.service.issuing.bundles.sources`)."""
    cards: str
    """Folder of <kid>.json: cards that their issuers have revoked (the same)."""
    floors: str | None = None
    """File of the bundles' floors, as the workers keep it: versions are given above it."""
    person_keys: str
    """Folder of <YYYY-MM-DD>.key."""
    audit: str
    """Folder of the audit logs."""
    change_key: str
    """32 bytes, under which this process seals every change of a plane that it makes."""
    sources: str | None = None
    """Folder of the sources' files, <source>.toml: what is staged of their batches is checked
    against them. None: there are no sources."""
    signed: str | None = None
    """Folder of the newest snapshot of each plane, kept beside the store."""
    erasure_wait_s: Annotated[int, Meta(ge=1, le=30 * 86_400)] = ERASURE_WAIT_S
    """Seconds between the approval of a person's erasure and the erasure; in tests a few."""
    destructions: str
    """Folder of the certificates of destroyed planes, and of what is under way."""

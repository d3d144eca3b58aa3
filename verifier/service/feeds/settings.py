"""Settings of the feeds process: one JSON file; keys and secrets stand there as paths."""

from typing import Annotated

from msgspec import Meta, Struct

from runtime.settings import ApiKey, DoorSettings, Name, RedisSettings
from verifier.contract.export import ExportField
from verifier.contract.vocabulary import ApiScope


class Consumer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who takes the export, and which fields of it."""

    caller: Name
    """Name of the API key."""
    fields: Annotated[tuple[ExportField, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if len(set(self.fields)) != len(self.fields):
            raise ValueError("fields names one twice")


class FeedsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    name: Name = "feeds"
    redis: RedisSettings
    service: DoorSettings
    api_keys: tuple[ApiKey[ApiScope], ...]
    list: Annotated[int, Meta(ge=0, lt=1 << 32)]
    """The status list that sources feed."""
    people: Annotated[int, Meta(ge=1, le=1 << 32)]
    """Person indices of the list."""
    sources: str
    """Folder of <source>.toml."""
    spool: str
    """Folder of what is received and not yet applied; this process's own."""
    reference_key: str
    """32 bytes."""
    export_key: str
    """PKCS #8 PEM."""
    audit: str
    """Folder of the audit logs."""
    exports: tuple[Consumer, ...] = ()
    """A consumer that is not named here gets nothing."""

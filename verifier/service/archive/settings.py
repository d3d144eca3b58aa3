"""Settings of the archiving process: one JSON file; secrets stand there as paths."""

from msgspec import Struct

from runtime.settings import ApiKey, DoorSettings, Name, RedisSettings
from verifier.contract.vocabulary import ApiScope


class ArchiveSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    name: Name = "archive"
    redis: RedisSettings
    service: DoorSettings
    api_keys: tuple[ApiKey[ApiScope], ...]
    records: str
    """Folder of the day files; made when missing."""
    person_keys: str
    """Folder of <YYYY-MM-DD>.key: destroyed with the day's records."""
    trust: str
    """The trust source: whose operator tokens open the door of one person's records."""
    audit: str
    """Folder of the audit logs."""

"""Moments of the line protocol: ISO 8601 with any form of offset; none is UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from verifier.conform.lines import BadLine, ProtocolFault

_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,12}))?)?"
    r"(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
MAX_OFFSET_HOURS: Final = 23
MAX_OFFSET_MINUTES: Final = 59


def unix_seconds(text: Any) -> float:
    """Read a moment as Unix seconds.

    Raises:
        BadLine: AT: not text, not this form, or not in the calendar.
    """
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise BadLine(ProtocolFault.AT)
    day, minute, second, fraction, sign, hours, minutes = found.groups()
    ahead, beside = int(hours or 0), int(minutes or 0)
    if ahead > MAX_OFFSET_HOURS or beside > MAX_OFFSET_MINUTES:
        raise BadLine(ProtocolFault.AT)
    offset = timedelta(hours=ahead, minutes=beside)
    zone = UTC if sign is None else timezone(-offset if sign == "-" else offset)
    try:
        whole = datetime.fromisoformat(f"{day}T{minute}:{second or '00'}").replace(tzinfo=zone)
    except ValueError as error:
        raise BadLine(ProtocolFault.AT) from error
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400 + since.seconds + (float("0." + fraction) if fraction else 0)

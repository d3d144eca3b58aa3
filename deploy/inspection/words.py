"""Words for a screen: what strangers wrote is made harmless, moments and ages can be read."""

import unicodedata
from datetime import UTC, datetime
from typing import Final

_DAY: Final = 86_400
_UNITS: Final = ((_DAY, "d"), (3600, "h"), (60, "min"), (1, "s"))


def printable(text: str, limit: int) -> str:
    """Write a stranger's text so that no terminal obeys it: control characters are spelled out."""
    shown = "".join(c if _harmless(c) else _spelled(c) for c in text[:limit])
    return shown + (f"… ({len(text)} characters)" if len(text) > limit else "")


def _harmless(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ" or character == " "


def _spelled(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def utc(seconds: float) -> str:
    """Write Unix seconds as a moment in UTC; what lies outside the calendar stays a number."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds}"
    return moment.strftime("%Y-%m-%d %H:%M:%S") + "Z"


def span(seconds: float) -> str:
    """Write a time span in its largest unit."""
    whole = abs(seconds)
    for size, unit in _UNITS:
        if whole >= 2 * size or size == 1:
            return f"{whole / size:.0f} {unit}"
    return "0 s"

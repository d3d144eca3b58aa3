"""Text of people: what it may not hold, and how it is shown where it came another way.

Names, reasons and notes are read on screens, in tables and logs, by people who decide by them. A
control character moves a terminal's cursor; a bidirectional one shows a text in another order than
it is stored in; an invisible one makes two names look like one. None has a place in a line of text,
so every door refuses them all by one rule.
"""

import re
from typing import Final

REFUSED: Final = (
    r"\x00-\x1f\x7f-\x9f"  # control characters, line ends among them
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0"  # invisible
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, direction, lines
    r"\ufe00-\ufe0f"  # variation selectors
    # Controls of music and shorthand, tags, more selectors; as they are, since ECMAScript's escape
    # is another.
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef"
)
"""What a character class of a pattern lists. The fleet's contract has the same."""
PLAIN: Final = rf"\A[^{REFUSED}]*\Z"
"""Pattern of a text that people write: one line without any of them."""

_IN_MESSAGES: Final = re.compile(r"`str` matching regex '\\{1,2}A\[\^\\{1,2}x00[^']*'")
"""How msgspec says that a text is not PLAIN."""
_REFUSED: Final = re.compile(f"[{REFUSED}]")


def spelled_out(text: str) -> str:
    """Write a text so that no screen obeys it: what no text may hold stands there as its number."""
    return _REFUSED.sub(lambda found: _number(ord(found[0])), text)


def in_one_line(text: str) -> str:
    """Put a space for what no text may hold: for published texts, which have line ends."""
    return " ".join(_REFUSED.sub(" ", text).split())


def explained(message: str) -> str:
    """Say in words what a validation message says of a text by the pattern."""
    words = "text without control, bidirectional or invisible characters"
    return _IN_MESSAGES.sub(words, message)


def _number(character: int) -> str:
    return f"\\u{character:04x}" if character <= 0xFFFF else f"\\U{character:08x}"

"""How deep JSON may nest before it is read.

Readers recurse, and each release of Python stops them at another depth: some 1,000 in 3.11, 10,000
in 3.13. What is taken must not depend on that, so every reader of outside JSON asks here first.
"""

import re
from typing import Final

MAX_DEPTH: Final = 64
"""Objects and lists inside each other; our deepest message has seven, a health card a dozen."""

_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_OPENING: Final = b"[{"
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


class NestingError(ValueError):
    """JSON that nests deeper than its reader takes."""


def check_depth(data: bytes, limit: int = MAX_DEPTH) -> None:
    """Look at the brackets of JSON of any length, whether or not it is JSON.

    Raises:
        NestingError: more than `limit` objects and lists are open at once.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return
    if b"\\" in data:
        data = _ESCAPE.sub(b"", data)
    outside_strings = b"".join(data.split(b'"')[::2])
    depth = 0
    for bracket in outside_strings.translate(None, _NOT_BRACKETS):
        if bracket in _OPENING:
            depth += 1
            if depth > limit:
                raise NestingError(f"nested deeper than {limit}")
        else:
            depth -= 1

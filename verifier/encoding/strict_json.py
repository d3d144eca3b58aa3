"""Strict JSON and base64url, as compact JWS (RFC 7515) needs them; nothing is repaired.

base64url without padding has one spelling of every byte string; JSON is UTF-8 without a byte order
mark, keys stand once, numbers are finite, and nothing stands around the value.
"""

import base64
import binascii
import json
import math
from typing import Any, Final, NoReturn

from verifier.contract.errors import MalformedError

MAX_DEPTH: Final = 64
"""Objects and lists inside each other; a health card has a dozen, and readers may recurse."""
MAX_NUMBER_CHARS: Final = 32
"""Characters of a number; a time with microseconds takes 17."""


def unbase64url(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2), one spelling only.

    Raises:
        MalformedError: another alphabet, padding, spaces, an impossible length, stray bits.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise MalformedError("not base64url") from error
    if base64url(data) != text:
        raise MalformedError("base64url of another spelling")
    return data


def base64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_json(data: bytes, depth: int = MAX_DEPTH) -> Any:
    """Read one JSON value (RFC 8259) that fills `data`, without white space around it.

    `depth` bounds objects and lists inside each other, the outermost among them.

    Raises:
        MalformedError: not strict JSON, or nested too deep.
    """
    if data[:1].isspace() or data[-1:].isspace():
        raise MalformedError("characters around the value")
    try:
        text = data.decode()
        found = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise MalformedError("not JSON") from error
    _check_depth(found, depth)
    return found


def _check_depth(found: Any, most: int) -> None:
    level = [found]
    for _ in range(most):
        level = [
            member
            for value in level
            if isinstance(value, dict | list)
            for member in (value.values() if isinstance(value, dict) else value)
            if isinstance(member, dict | list)
        ]
        if not level:
            return
    raise MalformedError("nested too deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("a key that stands twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARS:
        raise MalformedError("a number longer than any")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if len(digits) > MAX_NUMBER_CHARS or not math.isfinite(number):
        raise MalformedError("a number longer or larger than any")
    return number


def _constant(_name: str) -> NoReturn:
    raise MalformedError("a number that is none")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)

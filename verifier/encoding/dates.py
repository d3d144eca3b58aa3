"""NumericDate (RFC 7519, RFC 8392): seconds since 1970, whole or not, as foreign issuers write."""

import math
from typing import Any, Final

from verifier.contract.errors import MalformedError

MAX_SECONDS: Final = 253_402_300_799
"""The last second of the year 9999; a time of today in milliseconds lies past it."""


def numeric_date(value: Any) -> float:
    """Read a time exactly as it was signed; an int stays an int.

    Raises:
        MalformedError: of another type (bool is not a number), not finite, negative, or in
            milliseconds.
    """
    if type(value) not in (int, float) or not math.isfinite(value):
        raise MalformedError("a time that is not a number of seconds")
    if not 0 <= value <= MAX_SECONDS:
        raise MalformedError("a time out of range")
    number: float = value
    return number

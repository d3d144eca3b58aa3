"""The one table of formats: prefix, bound, skew, decoder. A new format is one line here."""

from collections.abc import Callable
from typing import Final, NamedTuple

from verifier.codes import city, hcert, shc
from verifier.codes.claims import Unverified
from verifier.contract.vocabulary import Format


class FormatRow(NamedTuple):
    """How a format is recognised and read."""

    format: Format
    prefix: str
    max_text: int
    """Characters; checked before any other work."""
    skew: int
    """Seconds that nbf and iat may lie ahead."""
    expires_at_exp: bool
    """True: expired at the second of exp (now >= exp); False: after it (now > exp)."""
    decode: Callable[[str], Unverified]


FORMATS: Final = (
    FormatRow(Format.CC1, city.PREFIX, city.MAX_TEXT, 60, True, city.decode),
    FormatRow(Format.HC1, hcert.PREFIX, hcert.MAX_TEXT, 300, False, hcert.decode),
    FormatRow(Format.SHC, shc.PREFIX, shc.MAX_TEXT, 300, False, shc.decode),
)


def recognise(text: str) -> FormatRow | None:
    """Find the format of a text by its prefix; the case of the prefix counts."""
    for row in FORMATS:
        if text.startswith(row.prefix):
            return row
    return None


def looks_like_code(text: str) -> bool:
    """Say whether a text carries the prefix of a known format."""
    return recognise(text) is not None

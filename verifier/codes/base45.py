"""Base45 (RFC 9285), canonical only: one text for one byte string, and the reverse.

No character is stripped or folded: a space is a digit of the alphabet, lower case is an error.
"""

from typing import Final

import numpy as np

from verifier.contract.errors import MalformedError

ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_DIGIT: Final = bytes(max(ALPHABET.find(bytes((c,))), 0) for c in range(256))
_WEIGHTS: Final = np.array([1, 45, 2025], dtype=np.uint32)


def decode(text: str) -> bytes:
    """Decode base45 text.

    Raises:
        MalformedError: a character outside the alphabet, a group out of range, a lone character.
    """
    try:
        characters = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise MalformedError("not base45") from error
    if characters.translate(None, ALPHABET):
        raise MalformedError("not base45")
    digits = characters.translate(_DIGIT)
    whole, rest = divmod(len(digits), 3)
    values = np.frombuffer(digits, np.uint8, whole * 3).reshape(-1, 3) @ _WEIGHTS
    if whole and values.max() > 0xFFFF:
        raise MalformedError("base45 group out of range")
    head = values.astype(">u2").tobytes()
    if rest == 0:
        return head
    if rest == 1:
        raise MalformedError("base45 of impossible length")
    last = digits[-2] + 45 * digits[-1]
    if last > 0xFF:
        raise MalformedError("base45 group out of range")
    return head + bytes((last,))


def encode(data: bytes) -> str:
    """Encode bytes as base45 text."""
    letters = bytearray()
    for i in range(0, len(data) - 1, 2):
        value = data[i] << 8 | data[i + 1]
        letters += bytes(
            (ALPHABET[value % 45], ALPHABET[value // 45 % 45], ALPHABET[value // 2025])
        )
    if len(data) % 2:
        letters += bytes((ALPHABET[data[-1] % 45], ALPHABET[data[-1] // 45]))
    return letters.decode("ascii")

"""Base45 (RFC 9285), canonical only: one text for one byte string, and the reverse.

No character is stripped or folded: a space is a digit of the alphabet, lower case is an error.

Three digits a, b, c stand for two bytes, a + 45 b + 2025 c. Decoding does all groups at once with
big integers whose 24-bit lanes hold one group each: no lane can overflow into the next, since
44 + 45 * 44 + 2025 * 44 < 2**24. Beside a signature check it costs a third of an array library.
"""

from functools import lru_cache
from typing import Final

from verifier.contract.errors import MalformedError

ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_DIGIT: Final = bytes(max(ALPHABET.find(bytes((c,))), 0) for c in range(256))


@lru_cache(maxsize=1024)
def _first_digits(groups: int) -> int:
    """Return the mask of the lowest byte of every lane."""
    return int.from_bytes(b"\xff\0\0" * groups, "little")


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
    groups, rest = divmod(len(digits), 3)
    if rest == 1:
        raise MalformedError("base45 of impossible length")
    lanes = int.from_bytes(digits[: 3 * groups], "little")
    mask = _first_digits(groups)
    values = (lanes & mask) + 45 * (lanes >> 8 & mask) + 2025 * (lanes >> 16 & mask)
    spread = values.to_bytes(3 * groups, "little")
    if spread[2::3].strip(b"\0"):
        raise MalformedError("base45 group out of range")
    data = bytearray(2 * groups)
    data[::2] = spread[1::3]
    data[1::2] = spread[::3]
    if rest:
        last = digits[-2] + 45 * digits[-1]
        if last > 0xFF:
            raise MalformedError("base45 group out of range")
        data.append(last)
    return bytes(data)


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

"""Texts of the length and alphabet of real codes, for tests of pictures; they verify nowhere."""

import random

from verifier.encoding import base45

PRESENTATION_BYTES = 276
"""The largest personal presentation: QR version 12."""
STATIC_BYTES = 140
"""The largest static code: QR version 8."""


def cc1_text(size: int = PRESENTATION_BYTES, *, seed: int = 0) -> str:
    """Make the text of a CC1 code of `size` random bytes."""
    return "CC1:" + base45.encode(random.Random(seed).randbytes(size))

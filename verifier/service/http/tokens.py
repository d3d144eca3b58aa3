"""Operators' tokens as the issuing process opens them: by the trust source that it signs from.

It is the one who says whom others trust, so it follows no bundle: a key that the file names no
longer opens nothing from the next request on.
"""

from pathlib import Path
from typing import Final

import msgspec

from runtime.clock import now
from verifier.contract.operator import OperatorToken
from verifier.errors import BundleRefused, TokenCause, TokenRefused
from verifier.issuing.publisher import TrustSource
from verifier.service.http.access import OpenToken
from verifier.trust.operators import USE, open_operator_token
from verifier.trust.signers import open_trust

_SOURCE: Final = msgspec.json.Decoder(TrustSource)


def token_opener(path: Path) -> OpenToken:
    """Return what opens tokens by the keys that a trust source names for them."""

    def open_token(text: str) -> OperatorToken:
        moment = now()
        try:
            source = _SOURCE.decode(path.read_bytes())
            keys = tuple(entry for entry in source.keys if USE in entry.uses)
            named = msgspec.structs.replace(source, keys=keys)
            # Version and time of a document that is not published have no meaning.
            trust = open_trust(named.document(version=1, issued_at=0, expires=1))
        except (OSError, msgspec.DecodeError, BundleRefused) as error:
            raise TokenRefused(TokenCause.STALE) from error
        return open_operator_token(trust.ring, text, moment)

    return open_token

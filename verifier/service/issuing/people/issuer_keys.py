"""Which keys may have signed a credential of ours: those of the trust source, as it is now."""

from pathlib import Path

import msgspec

from verifier.contract.errors import MalformedError
from verifier.issuing.publisher import TrustSource
from verifier.service.issuing.checks import away
from verifier.trust.keys import VerifyKey, kid_of, load_spki

_CREDENTIAL = "credential"


class IssuerKeys:
    """The keys of the trust source's file, read again when it changes."""

    def __init__(self, path: Path, issuer: str) -> None:
        self._path = path
        self._issuer = issuer
        self._read_at: int | None = None
        self._keys: tuple[tuple[bytes, VerifyKey, int, int], ...] = ()

    def at(self, now: float) -> dict[bytes, VerifyKey]:
        """Return the keys that are in their window, by kid.

        Raises:
            Problem: 503 trust.away, the file cannot be read; what was read before is not trusted.
        """
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._read_at:
                self._keys = self._load()
                self._read_at = changed
        except (OSError, msgspec.DecodeError, MalformedError) as error:
            self._read_at = None
            raise away("trust.away") from error
        return {kid: key for kid, key, first, last in self._keys if first <= now <= last}

    def _load(self) -> tuple[tuple[bytes, VerifyKey, int, int], ...]:
        source = msgspec.json.decode(self._path.read_bytes(), type=TrustSource)
        found = []
        for entry in source.keys:
            if _CREDENTIAL in entry.uses and entry.issuer == self._issuer:
                public, key = load_spki(entry.spki)
                found.append((kid_of(public), key, entry.nbf, entry.exp))
        return tuple(found)

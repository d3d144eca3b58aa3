"""The keys that root file and trust source name: whose floors count for the next versions.

What a key signed that is named no longer counts for nobody who has the new root or trust bundle;
so versions are not given above it, and what a stolen key had signed is passed by.
"""

from pathlib import Path

import msgspec

from verifier.contract.bundle import KeyEntry
from verifier.contract.errors import MalformedError
from verifier.errors import BundleRefused
from verifier.issuing.publisher import TrustSource
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.process.floors import FloorFile
from verifier.trust.keys import load_spki
from verifier.trust.root import keys_of, open_root_file


class NamedKeys:
    """Reads both files whenever it is asked: a rotation needs no new start."""

    def __init__(self, root: Path, trust: Path) -> None:
        self._root, self._trust = root, trust

    def __call__(self) -> frozenset[bytes] | None:
        """Return the thumbprints of the keys that are named; None: a file does not say."""
        try:
            root, _ = open_root_file(self._root.read_bytes())
            source = msgspec.json.decode(self._trust.read_bytes(), type=TrustSource)
            bundle_keys = {key.thumbprint for key in keys_of(root.bundle_keys).values()}
        except (OSError, msgspec.DecodeError, BundleRefused):
            return None
        return frozenset(bundle_keys | set(filter(None, map(_thumbprint, source.keys))))


def _thumbprint(entry: KeyEntry) -> bytes | None:
    try:
        return load_spki(entry.spki)[1].thumbprint
    except MalformedError:
        return None


def floor_file(settings: IssuingSettings) -> FloorFile:
    """Return the floors of which those of the keys count that are named now."""
    return FloorFile(settings.floors, NamedKeys(Path(settings.root), Path(settings.trust)))

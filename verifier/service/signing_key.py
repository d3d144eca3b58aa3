"""A signing key as a process reads it: PKCS #8 in a file that the settings name (docs/keys.md)."""

from pathlib import Path

from verifier.contract.errors import MalformedError
from verifier.issuing import signing
from verifier.issuing.signing import SigningKey
from verifier.service.settings import SettingsError


def read_signing_key(path: str, field: str) -> SigningKey:
    """Read the key that a field of the settings names.

    Raises:
        SettingsError: the file cannot be read, or holds no signing key.
    """
    try:
        return signing.load(Path(path).read_bytes())
    except (OSError, MalformedError) as error:
        raise SettingsError(f"$.{field}: no signing key in {path}") from error

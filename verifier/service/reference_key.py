"""The reference key as a process reads it: 32 octets in a file of its own (docs/keys.md)."""

from pathlib import Path

from verifier.contract.errors import MalformedError
from verifier.issuing.persons import REFERENCE_KEY_BYTES, ReferenceKey
from verifier.service.settings import SettingsError


def read_reference_key(path: str, field: str) -> ReferenceKey:
    """Read the key under which references are hashed.

    Raises:
        SettingsError: the file cannot be read, or is no such key.
    """
    try:
        with Path(path).open("rb") as file:
            return ReferenceKey(file.read(REFERENCE_KEY_BYTES + 1))
    except OSError as error:
        raise SettingsError(f"$.{field}: cannot read {path}") from error
    except MalformedError as error:
        raise SettingsError(f"$.{field}: {path} is not a key of 32 octets") from error

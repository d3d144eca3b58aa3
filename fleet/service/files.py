"""The files that the settings name, as the process reads them: texts, and keys that sign."""

from pathlib import Path

from fleet import identity
from fleet.errors import FleetError, IdentityError
from runtime.settings import SettingsError


def read_text(path: str, what: str, refused: type[FleetError]) -> str:
    """Read a file of UTF-8; `what` names it in the words of `refused`.

    Raises:
        FleetError: of the class `refused`: the file cannot be read, or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise refused(f"cannot read {what}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise refused(f"{what} is not UTF-8") from error


def read_key(path: str, field: str) -> identity.PrivateKey:
    """Read a P-256 key.

    Raises:
        SettingsError: it cannot be read or is no such key.
    """
    try:
        return identity.load_key(Path(path).read_bytes())
    except OSError as error:
        raise SettingsError(f"$.{field}: {error.strerror}") from error
    except IdentityError as error:
        raise SettingsError(f"$.{field}: {error}") from error

"""A city's folder: `city.json` and one file for each column, with as many bytes for each person.

    persons.u4      person index, 4 bytes, least significant first
    references.s11  reference, 11 characters of ASCII
    colours.u1      colour: 0 none, 1 green, 2 yellow, 3 red
    doses.u1        doses of a vaccine, 0 to 3
    tests.u1        4-hour slots since the last negative test, from 1 on; 0: none in 42 days

Row n of every column is the same person. A folder is written beside its place and renamed when it
is whole; reading compares the columns' SHA-256 with those of city.json.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deploy.local.account import open_named
from deploy.local.errors import UsageError

FORMAT: Final = 1
COLUMNS: Final[Mapping[str, Any]] = {
    "persons": np.dtype("<u4"),
    "references": np.dtype("S11"),
    "colours": np.dtype("u1"),
    "doses": np.dtype("u1"),
    "tests": np.dtype("u1"),
}
"""Column -> what a person's entry is; 18 bytes together."""
_READ: Final = 1 << 22
"""Bytes read at once."""


class City(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """city.json."""

    format: int
    people: int
    size: int
    """Person indices of the list that the city was drawn for."""
    seed: int
    digests: dict[str, str]
    """Column -> SHA-256 in hex."""

    @property
    def name(self) -> str:
        """Return 16 hex digits that name exactly this city."""
        joined = "".join(self.digests[column] for column in sorted(self.digests))
        return hashlib.sha256(f"{self.size}{joined}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFolder:
    """A city that was read; columns are mapped, not loaded."""

    city: City
    path: Path

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, mapped from its file."""
        with open_named(_file(self.path, name)) as file:
            return np.memmap(file, COLUMNS[name], mode="r")


class Columns:
    """Columns as they are written, a chunk at a time."""

    def __init__(self, path: Path) -> None:
        self._files = {name: _file(path, name).open("wb") for name in COLUMNS}
        self._digests = {name: hashlib.sha256() for name in COLUMNS}

    def append(self, chunk: Mapping[str, NDArray[Any]]) -> None:
        """Append rows; each column of its type."""
        for name, dtype in COLUMNS.items():
            data = np.ascontiguousarray(chunk[name], dtype).tobytes()
            self._files[name].write(data)
            self._digests[name].update(data)

    def close(self) -> dict[str, str]:
        """Bring all to disk; returns the columns' digests."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        return {name: digest.hexdigest() for name, digest in self._digests.items()}


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to write to, which is renamed to `path` when all went well.

    Raises:
        UsageError: there is something at `path`, or it cannot be made.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        if path.exists():
            raise UsageError(f"{path} is there already; name a new folder")
        beside.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.rename(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def write_city(path: Path, city: City) -> None:
    """Write city.json; the last file of a folder."""
    (path / "city.json").write_bytes(msgspec.json.format(msgspec.json.encode(city)))


def read_city(path: Path) -> CityFolder:
    """Read a city and compare its columns with what city.json says.

    Raises:
        UsageError: no city, one of another format, or a column that was changed or cut.
    """
    try:
        with open_named(path / "city.json") as told:
            city = msgspec.json.decode(told.read(), type=City)
        if city.format != FORMAT or set(city.digests) != set(COLUMNS):
            raise UsageError(f"{path}: a city of another format; make it anew")
        for name, dtype in COLUMNS.items():
            file = _file(path, name)
            with open_named(file) as column:
                size = os.fstat(column.fileno()).st_size
            if size != city.people * dtype.itemsize:
                raise UsageError(f"{file} is not as long as city.json says; make the city anew")
            if _digest(file) != city.digests[name]:
                raise UsageError(f"{file} is not what was made; make the city anew")
    except OSError as error:
        raise UsageError(f"{path}: cannot read a city ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: city.json is not a city's") from error
    return CityFolder(city=city, path=path)


def _file(path: Path, column: str) -> Path:
    dtype = COLUMNS[column]
    kind = "s" if dtype.kind == "S" else "u"
    return path / f"{column}.{kind}{dtype.itemsize}"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open_named(path) as file:
        while piece := file.read(_READ):
            digest.update(piece)
    return digest.hexdigest()

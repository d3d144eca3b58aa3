"""A file of lines as a batch: what its manifest says, found in one reading, whatever its size."""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from deploy.character_sets import advice, other_character_set
from deploy.local.account import open_named
from deploy.local.errors import UsageError
from verifier.contract.feed import NO_LINES, BatchForm, next_digest
from verifier.contract.vocabulary import Colour, Plane

PART_BYTES: Final = 1024 * 1024
"""Bytes of a part: some 14,000 lines, sent in a second."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a file."""

    form: BatchForm
    lines: int
    octets: int
    digest: bytes
    planes: tuple[Plane, ...]
    """Those that its lines name; none in a batch without lines."""
    counts: dict[str, dict[str, int]]
    """Plane to value to lines."""


class _Line(msgspec.Struct, frozen=True):
    plane: Plane
    value: Annotated[str | int, msgspec.Meta()]


_DECODER: Final = msgspec.json.Decoder(_Line)
_NAMES: Final = {colour.value: colour.name.lower() for colour in Colour}


def describe(path: Path) -> Described:
    """Read a file of NDJSON (.ndjson, .jsonl) or CSV (.csv) and say what it holds.

    Raises:
        UsageError: it cannot be read, or a line names no plane and value.
    """
    form = form_of(path)
    lines, octets, digest = 0, 0, NO_LINES
    counts: dict[str, dict[str, int]] = {}
    try:
        with open_named(path) as file:
            for line in file:
                lines, octets, digest = lines + 1, octets + len(line), next_digest(digest, line)
                if form is BatchForm.NDJSON or lines > 1:
                    _count(counts, line, form)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        other = other_character_set(line)
        wrong = "no plane and value; correct the line" if other is None else advice(other)
        raise UsageError(f"{path}, line {lines}: {wrong}") from error
    return Described(
        form=form,
        lines=lines,
        octets=octets,
        digest=digest,
        planes=tuple(sorted(map(Plane, counts))),
        counts=counts,
    )


def form_of(path: Path) -> BatchForm:
    """Say how a file is written, by its name."""
    return BatchForm.CSV if path.suffix.lower() == ".csv" else BatchForm.NDJSON


def part_of(path: Path, offset: int) -> bytes:
    """Read the part of a file that begins at an offset."""
    with open_named(path) as file:
        file.seek(offset)
        return file.read(PART_BYTES)


def _count(counts: dict[str, dict[str, int]], line: bytes, form: BatchForm) -> None:
    plane, value = _csv(line) if form is BatchForm.CSV else _json(line)
    name = _NAMES.get(value, str(value)) if plane is Plane.HEALTH else str(value)
    row = counts.setdefault(str(plane), {})
    row[name] = row.get(name, 0) + 1


def _json(line: bytes) -> tuple[Plane, Any]:
    found = _DECODER.decode(line)
    return found.plane, found.value


def _csv(line: bytes) -> tuple[Plane, Any]:
    _, plane, value, _ = line.decode().rstrip("\r\n").split(",")
    return Plane(plane), int(value) if value.isdigit() else value

"""Where the public conformance vectors lie, beside the repository, and the count of who agrees.

An exception is an expectation that we do not share; each stands in a table with its reason, and
one that has come to agree fails too, so that the tables stay true. `tests/conftest.py` prints the
count. Every file is read by some test, or stands in NOT_READ with its reason.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"
NOT_READ: Final[Mapping[str, str]] = {
    "README.md": "says where the files come from",
    "**/LICENSE": "for people",
    "**/NOTICE": "for people",
    "certlogic/schemas/*.json": (
        "what they allow is asked by validation-testSuite; no schema reader is among what we use"
    ),
}
READERS: Final = (
    *("vectors_public/test_certlogic.py", "vectors_public/test_cwt.py"),
    *("vectors_public/test_dcc.py", "vectors_public/test_dcc_revocation.py"),
    *("vectors_public/test_shc.py", "vectors_public/test_statuslist.py"),
    *("verifier/codes/test_base45.py", "verifier/test_asking.py"),
)
"""Modules that read them, under tests/."""
_HANDED: Final[set[Path]] = set()


def public_file(name: str) -> Path:
    """Return the path of a public vector file; skip the test, saying so, where it is missing."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"no public vectors: ../shared/vectors/{name} is missing")
    _HANDED.add(path)
    return path


def public_files(folder: str) -> list[Path]:
    """Return the JSON files under a folder, sorted; none where it is missing."""
    found = sorted((FOLDER / folder).rglob("*.json"))
    _HANDED.update(found)
    return found


def public_folder(folder: str) -> list[Path]:
    """Return the JSON files under a folder; skip the test, saying so, where it is missing."""
    found = public_files(folder)
    if not found:
        pytest.skip(f"no public vectors: ../shared/vectors/{folder} is missing")
    return found


def unread() -> list[str]:
    """Return the files that no test has asked for and no reason is given for."""
    excused = {path for pattern in NOT_READ for path in FOLDER.glob(pattern)}
    files = {path for path in FOLDER.rglob("*") if path.is_file()}
    return sorted(str(path.relative_to(FOLDER)) for path in files - excused - _HANDED)


def needless() -> list[str]:
    """Return what NOT_READ excuses without need: nothing there, or read all the same."""
    return [
        pattern
        for pattern in NOT_READ
        if not (found := set(FOLDER.glob(pattern))) or found & _HANDED
    ]


class Tally:
    """How many expectations of one suite agree."""

    def __init__(self) -> None:
        self.agreed = 0
        self.exceptions: dict[str, str] = {}

    def __str__(self) -> str:
        asked = self.agreed + len(self.exceptions)
        return f"{self.agreed} of {asked} agree, {len(self.exceptions)} exceptions"


_TALLIES: Final[dict[str, Tally]] = {}
_NONE: Final[Mapping[str, str]] = {}


def agree(
    suite: str, vector: str, found: object, expected: object, exceptions: Mapping[str, str] = _NONE
) -> None:
    """Hold what we found against what a vector expects, and count it."""
    tally = _TALLIES.setdefault(suite, Tally())
    if vector in exceptions:
        assert found != expected, f"{suite} {vector} agrees by now: strike the exception"
        tally.exceptions[vector] = exceptions[vector]
        return
    assert found == expected, f"{suite} {vector}"
    tally.agreed += 1


def summary() -> Iterator[str]:
    """Yield a line for each suite that ran, and one for each exception with its reason."""
    if not FOLDER.is_dir():
        yield "no public vectors: ../shared/vectors is missing"
    for suite, tally in sorted(_TALLIES.items()):
        yield f"{suite}: {tally}"
        for vector, reason in tally.exceptions.items():
            yield f"  {vector}: {reason}"

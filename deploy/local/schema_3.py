"""What schema 3 is made of in a folder of schema 2: one part for each matter.

A part reads the folder and says which files it writes and removes; it changes none itself. No two
parts write the same file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

Part = Callable[[Path], Mapping[str, bytes | None]]
"""Takes the data folder; returns path in it -> the whole new content, None: it is removed."""
PARTS: Final[tuple[Part, ...]] = ()


def changes(folder: Path) -> Mapping[str, bytes | None]:
    """Return what all parts change."""
    found: dict[str, bytes | None] = {}
    for part in PARTS:
        found.update(part(folder))
    return found

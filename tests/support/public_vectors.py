"""Where the public conformance vectors lie: beside the repository, never copied into it."""

from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"


def public_file(name: str) -> Path:
    """Return the path of a public vector file; skip the test, saying so, where it is missing."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"no public vectors: ../shared/vectors/{name} is missing")
    return path

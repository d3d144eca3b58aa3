"""Floors on disk: they only rise, whoever writes them."""

from pathlib import Path

import pytest

from verifier.service.process.floors import FloorFile
from verifier.trust.floors import Floor


def floor(version: int, kid: bytes = b"one key.") -> tuple[Floor, ...]:
    """Return a floor of a version, of one key."""
    return (Floor(version=version, digest=bytes([version]) * 32, kid=kid, root=1),)


def test_floors_are_found_again(tmp_path: Path) -> None:
    """What one process raised, the next reads."""
    path = str(tmp_path / "floors.json")
    assert FloorFile(path).load() == {}
    FloorFile(path).raise_to({"trust": floor(3), "status-1-health": floor(7)})
    assert FloorFile(path).load() == {"trust": floor(3), "status-1-health": floor(7)}


def test_floors_only_rise(tmp_path: Path) -> None:
    """A worker that is behind lowers nothing, and what it does not know stays."""
    path = str(tmp_path / "floors.json")
    FloorFile(path).raise_to({"trust": floor(5), "profiles": floor(2)})
    FloorFile(path).raise_to({"trust": floor(4)})
    assert FloorFile(path).load() == {"trust": floor(5), "profiles": floor(2)}


def test_a_file_of_something_else_is_no_empty_one(tmp_path: Path) -> None:
    """Starting without floors would trust an old store."""
    path = tmp_path / "floors.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="holds no floors"):
        FloorFile(str(path)).load()


def test_without_a_path_nothing_is_kept(tmp_path: Path) -> None:
    """And nothing is written."""
    FloorFile(None).raise_to({"trust": floor(1)})
    assert FloorFile(None).load() == {}
    assert list(tmp_path.iterdir()) == []

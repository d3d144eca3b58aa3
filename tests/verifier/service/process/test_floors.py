"""Floors on disk: they only rise, whoever writes them."""

import json
from pathlib import Path

import pytest

from verifier.contract.bundle import BundleVersion
from verifier.service.process.floors import FloorFile, next_version
from verifier.trust.floors import Floor


def floor(version: int, signer: bytes = b"one key.") -> tuple[Floor, ...]:
    """Return a floor of a version, of one key."""
    return (Floor(version=version, digest=bytes([version]) * 32, signer=signer, root=1),)


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


def test_floors_are_kept_by_key(tmp_path: Path) -> None:
    """Of each key the highest; what counts is the highest of the keys that are named."""
    path = str(tmp_path / "floors.json")
    FloorFile(path).raise_to({"trust": floor(5, b"the old.")})
    FloorFile(path).raise_to({"trust": floor(9, b"a thief.")})
    assert FloorFile(path).counting()["trust"].version == 9
    assert FloorFile(path, lambda: {b"the old."}).counting()["trust"].version == 5
    assert FloorFile(path, lambda: {b"another."}).counting() == {}
    assert FloorFile(path, lambda: None).counting()["trust"].version == 9


def test_a_file_of_the_format_before_is_read(tmp_path: Path) -> None:
    """Its floors are of no known key: they count until a known one reaches them."""
    path = tmp_path / "floors.json"
    path.write_text(json.dumps({"trust": [5, "00" * 32], "root": [2, "11" * 32]}))
    file = FloorFile(str(path), lambda: {b"one key."})
    assert {name: it.version for name, it in file.counting().items()} == {"trust": 5, "root": 2}
    file.raise_to({"trust": floor(4)})
    assert file.counting()["trust"].version == 5
    file.raise_to({"trust": floor(6)})
    assert FloorFile(str(path), lambda: {b"another."}).counting().keys() == {"root"}


def test_versions_of_the_store_are_believed_within_bounds() -> None:
    """Whoever writes to the store leads nobody to the end of all versions, or past a step."""
    floors = {"trust": floor(7)[0]}

    def after(version: int, floors: dict[str, Floor]) -> int:
        laid = {"trust": BundleVersion(name="trust", version=version, digest="")}
        return next_version("trust", laid, floors)

    assert after(9, floors) == 10
    assert after(2**53, floors) == 8
    assert after(7 + (1 << 28), floors) == 8
    assert after(2**53, {}) == 1
    assert after(2**39, {}) == 2**39 + 1


def test_a_thiefs_version_is_not_carried_over_to_the_new_key(tmp_path: Path) -> None:
    """While both keys are named; what the new key has signed itself counts, however high."""
    path = str(tmp_path / "floors.json")
    old, new = b"stolen..", b"new key."
    file = FloorFile(path, lambda: {old, new})
    file.raise_to({"trust": (Floor(version=2**40, digest=bytes(32), signer=old, root=1),)})
    assert next_version("trust", {}, file.counting(new)) == 1
    assert file.counting(old)["trust"].version == 2**40
    high = 2**39 + 1
    file.raise_to({"trust": (Floor(version=high, digest=bytes(32), signer=new, root=1),)})
    laid = {"trust": BundleVersion(name="trust", version=high + 2, digest="")}
    assert next_version("trust", laid, file.counting(new)) == high + 3

"""Copies of keys that a process is handed."""

from pathlib import Path

import pytest

from deploy.local.credentials import folders, hand_over

PATTERNS = ("keys/issuer.*pem", "keys/redis/issuing.key", "keys/person-hash")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with keys of several processes."""
    data = tmp_path / "data"
    for name in ("issuer.pem", "issuer.next.pem", "root.pem", "redis/issuing.key", "redis/x.key"):
        path = data / "keys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (data / "keys" / "person-hash").mkdir()
    return data


def names(folder: Path) -> set[str]:
    """Return the files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_files_are_copied_and_folders_named(data: Path) -> None:
    """By the patterns of its row; with the modes of keys."""
    handed = data / "run" / "issuing"
    assert hand_over(data, PATTERNS, handed)
    assert names(handed) == {"issuer.pem", "issuer.next.pem", "redis/issuing.key"}
    assert {(handed / name).stat().st_mode & 0o777 for name in names(handed)} == {0o600}
    assert list(folders(data, PATTERNS)) == [data / "keys" / "person-hash"]


def test_what_has_not_changed_is_not_written(data: Path) -> None:
    """A process starts again on a full disk; what changed or is gone follows."""
    handed = data / "run" / "issuing"
    hand_over(data, PATTERNS, handed)
    before = (handed / "issuer.pem").stat().st_ino
    assert not hand_over(data, PATTERNS, handed)
    assert (handed / "issuer.pem").stat().st_ino == before
    (data / "keys" / "issuer.next.pem").replace(data / "keys" / "issuer.pem")
    assert hand_over(data, PATTERNS, handed)
    assert names(handed) == {"issuer.pem", "redis/issuing.key"}
    assert (handed / "issuer.pem").read_text() == "issuer.next.pem"

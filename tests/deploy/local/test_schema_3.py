"""The parts of schema 3: what each makes of a folder of schema 2."""

from pathlib import Path

from deploy.local.open_folder import opened
from tests.support import old_folders


def test_audit_logs_and_floors_get_folders_of_their_own(tmp_path: Path) -> None:
    """Each log with its head and what was set aside of it; the floors leave trust/."""
    folder = old_folders.schema_2(tmp_path / "data")
    (folder / "audit").mkdir()
    before = {
        "audit/fleet.ndjson": b"one\n",
        "audit/fleet.head": b"[1]\n",
        "audit/worker-0.torn-3-5": b"{",
        "trust/floors.json": b"{}",
    }
    for name, content in before.items():
        (folder / name).write_bytes(content)
    with opened(folder, [], []):
        pass
    after = {
        "audit/fleet/fleet.ndjson": b"one\n",
        "audit/fleet/fleet.head": b"[1]\n",
        "audit/worker-0/worker-0.torn-3-5": b"{",
        "floors/floors.json": b"{}",
    }
    assert {name: (folder / name).read_bytes() for name in after} == after
    assert not [name for name in before if (folder / name).exists()]


def test_a_folder_without_them_stays_without(tmp_path: Path) -> None:
    """Nothing is made up."""
    folder = old_folders.schema_2(tmp_path / "data")
    with opened(folder, [], []):
        pass
    assert list((folder / "audit").iterdir()) == []
    assert list((folder / "floors").iterdir()) == []


def test_the_registry_and_the_operators_get_a_folder(tmp_path: Path) -> None:
    """A process reads folders; what was there before is kept."""
    folder = old_folders.schema_2(tmp_path / "data")
    before = {name: (folder / name).read_bytes() for name in ("places.toml", "operators.toml")}
    with opened(folder, [], []):
        pass
    for name, content in before.items():
        assert (folder / "registry" / name).read_bytes() == content
        assert not (folder / name).exists()

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest

from tests.support import old_folders
from tests.support.command_line import kapok


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of schema 1, whose store the product of today does not use."""
    return old_folders.schema_1(tmp_path_factory.mktemp("old") / "data")


def test_every_key_is_a_line(folder: Path, tmp_path: Path) -> None:
    """Of each type; texts as they are, other bytes in base64, and when the key ends."""
    output = tmp_path / "out.ndjson"
    ran = kapok("data", "export", output, "--data", folder)
    assert (ran.code, ran.out) == (0, f"9 keys of {folder} in {output}\n")
    assert output.stat().st_mode & 0o777 == 0o600
    lines = [msgspec.json.decode(line) for line in output.read_bytes().splitlines()]
    found = {line.pop("key"): line for line in lines}
    assert found["v:{1f}:u:claim"].pop("expires_ms") > 1_700_000_000_000
    record = [["r", {"base64": "gaFhAQ=="}], ["a", "f"]]
    assert found == {
        "v:plane:1:health": {"type": "string", "value": "a"},
        "v:taken:1:person": {"type": "string", "value": " "},
        "v:bundles": {"type": "hash", "value": [["trust", "7:abc"]]},
        "v:{1f}:r:490000": {"type": "stream", "value": [["1764000000000-0", record]]},
        "v:{1f}:u:claim": {"type": "string", "value": "scan"},
        "f:leases": {"type": "zset", "value": [["shard-1", 1.0]]},
        "f:shards": {"type": "set", "value": ["1"]},
        "f:dead": {"type": "list", "value": ["a", "b"]},
        "v:{1f}:c:room:hall": {"type": "string", "value": "by-function"},
    }


def test_the_folder_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    """Byte by byte, whatever Redis does with the copy."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert kapok("data", "export", tmp_path / "out", "--data", folder).code == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_running_house_is_not_exported(folder: Path, tmp_path: Path) -> None:
    """Its files change while they would be copied; no half of an export is left."""
    with (folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = kapok("data", "export", tmp_path / "out", "--data", folder)
    assert ran.code == 2
    assert "stop the house" in ran.err
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(folder: Path, tmp_path: Path) -> None:
    """The file that is named must be new."""
    (tmp_path / "out").write_text("mine")
    assert kapok("data", "export", tmp_path / "out", "--data", folder).code == 2
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """An empty folder, and one that is not there."""
    for folder in (tmp_path, tmp_path / "absent"):
        ran = kapok("data", "export", tmp_path / "out", "--data", folder)
        assert (ran.code, "no data folder" in ran.err) == (2, True)
        assert not (tmp_path / "out").exists()


def test_a_damaged_store_says_so(folder: Path, tmp_path: Path) -> None:
    """What redis-server said is the sentence."""
    data = tmp_path / "data"
    (data / "redis" / "appendonlydir").mkdir(parents=True)
    (data / "SCHEMA").write_text("1\n")
    for path in (folder / "redis" / "appendonlydir").iterdir():
        (data / "redis" / "appendonlydir" / path.name).write_bytes(b"damaged\n" * 20)
    ran = kapok("data", "export", tmp_path / "out", "--data", data)
    assert (ran.code, "do not load" in ran.err) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's folder")
def test_root_reads_another_s_folder_as_its_owner(folder: Path, tmp_path: Path) -> None:
    """Redis runs as the owner of the folder: a file that its owner made leads root nowhere."""
    with tempfile.TemporaryDirectory(prefix="kapok-d-") as name:
        Path(name).chmod(0o755)
        data = shutil.copytree(folder, Path(name) / "data")
        for path in (data, *data.rglob("*")):
            os.chown(path, 12_345, 12_345)
        ran = kapok("data", "export", tmp_path / "out", "--data", data)
    assert ran.code == 0, ran.err
    assert (tmp_path / "out").stat().st_uid == 0

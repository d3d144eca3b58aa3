"""What is said of a data folder that cannot be read."""

import os
import stat
from pathlib import Path

import pytest

from deploy.local import disk_errors
from deploy.local.disk_errors import closed


def of(uid: int, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have a folder belong to an account."""
    found = list(folder.stat())
    found[stat.ST_UID] = uid
    monkeypatch.setattr(Path, "stat", lambda *_: os.stat_result(found))


@pytest.mark.parametrize("caller", [0, 4_000_001])
def test_who_acts_as_the_owner_is_told_to_give_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caller: int
) -> None:
    """Root's commands act as the owner: "run this as root" would send root round in a circle."""
    of(4_000_001, monkeypatch, tmp_path)
    monkeypatch.setattr(disk_errors.os, "geteuid", lambda: caller)
    assert f"`chown -R 4000001: {tmp_path}`" in closed(tmp_path)


def test_another_account_is_told_to_be_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is wrong with the folder then."""
    of(4_000_001, monkeypatch, tmp_path)
    monkeypatch.setattr(disk_errors.os, "geteuid", lambda: 4_000_002)
    assert closed(tmp_path) == f"{tmp_path} belongs to another account; run this as root"

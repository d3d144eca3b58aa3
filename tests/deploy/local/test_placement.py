import tomllib
from pathlib import Path

import pytest

from deploy.local.account import Account
from deploy.local.placement import (
    PACKAGES,
    READ,
    STATE_ROOT,
    TRAVERSE,
    PathMode,
    decide,
    first_blocked,
    place,
)

ACCOUNT = Account(name="kapok", uid=999, gid=995)
CLONE = Path("/home/a/kapok")


def entry(path: str, mode: int, *, uid: int = 0, gid: int = 0, needs: int = TRAVERSE) -> PathMode:
    """Describe a file as the file system would."""
    return PathMode(path=Path(path), uid=uid, gid=gid, mode=mode, needs=needs)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "needs", "blocked"),
    [
        (0o755, 0, 0, TRAVERSE | READ, False),
        (0o711, 0, 0, TRAVERSE, False),
        (0o711, 0, 0, TRAVERSE | READ, True),
        (0o700, 0, 0, TRAVERSE, True),
        (0o700, 999, 0, TRAVERSE | READ, False),
        (0o750, 0, 995, TRAVERSE | READ, False),
        (0o644, 0, 0, READ, False),
        (0o600, 0, 0, READ, True),
        # The class that fits decides alone: the owner is shut out though all others may enter.
        (0o077, 999, 0, TRAVERSE, True),
        (0o707, 0, 995, TRAVERSE, True),
    ],
)
def test_modes_say_who_may_enter(
    *, mode: int, uid: int, gid: int, needs: int, blocked: bool
) -> None:
    """Owner, group and others, as POSIX has it."""
    one = entry("/x", mode, uid=uid, gid=gid, needs=needs)
    assert (first_blocked([one], ACCOUNT) is not None) is blocked


def test_an_open_clone_is_used_as_it_is() -> None:
    """Code and default data lie in the clone."""
    way = [entry("/home/a", 0o755), entry("/home/a/kapok", 0o755)]
    placed = decide(CLONE, ACCOUNT, way=way, code=[entry("/c", 0o644, needs=READ)])
    assert (placed.stage, placed.data, placed.code) == (None, CLONE / "data", CLONE)


def test_a_clone_behind_a_closed_folder_is_staged() -> None:
    """Code and default data lie under the state folder, and the reason is kept."""
    way = [entry("/home/a", 0o700, uid=1000), entry("/home/a/kapok", 0o755)]
    placed = decide(CLONE, ACCOUNT, way=way, code=[])
    assert placed.stage is not None
    assert placed.stage.parent == STATE_ROOT
    assert placed.data == placed.stage / "data"
    assert placed.blocked_by == Path("/home/a")


def test_unreadable_code_is_staged_but_data_stays() -> None:
    """A clone made under a strict umask: the way is open, the files are not."""
    placed = decide(
        CLONE, ACCOUNT, way=[entry("/home/a", 0o755)], code=[entry("/c", 0o600, needs=READ)]
    )
    assert placed.stage is not None
    assert placed.data == CLONE / "data"


def test_two_clones_have_two_places() -> None:
    """The place is named after the clone's path."""
    closed = [entry("/home/a", 0o700)]
    places = {decide(Path(f"/home/a/{name}"), ACCOUNT, way=closed, code=[]).stage for name in "ab"}
    assert len(places) == 2


def test_a_real_clone_is_looked_at(tmp_path: Path) -> None:
    """Its owner can run it where it lies, another account cannot enter a mode-700 folder."""
    clone = tmp_path / "clone"
    (clone / "deploy").mkdir(parents=True)
    (clone / "deploy" / "x.py").write_text("")
    found = clone.stat()
    tmp_path.chmod(0o700)
    owner = Account(name="owner", uid=found.st_uid, gid=found.st_gid)
    other = Account(name="other", uid=found.st_uid + 1, gid=found.st_gid + 1)
    if found.st_uid == 0:  # of others' folders above nothing is known
        assert place(clone, owner).stage is None
    assert place(clone, other).stage is not None


def test_every_package_of_ours_is_placed() -> None:
    """Those that the project is built of; a room that is missing would be in no staged house."""
    project = tomllib.loads(
        (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert {*PACKAGES} == {*project["tool"]["mypy"]["packages"]}
    built = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {*PACKAGES} == {name.removesuffix("*") for name in built}

"""The rows of the store's disk."""

from pathlib import Path

from deploy.status.answers import Answers, Heard
from deploy.status.report import Level
from deploy.status.storage import store
from tests.support.small_disk import AS_ROOT, fill, make_room, small_disk

SILENT = Answers(
    processes={}, sources=Heard(), terminals=Heard(), heads=Heard(), store=Heard(why="away")
)


@AS_ROOT
def test_a_full_disk_is_a_problem_and_a_small_one_a_warning(tmp_path: Path) -> None:
    """Full, nothing is acknowledged: that is no matter of later."""
    with small_disk(tmp_path / "disk", 64 * 2**20) as disk:
        fill(disk)
        (full,) = store(disk, SILENT).rows
        make_room(disk)
        (small,) = store(disk, SILENT).rows
    assert full.level is Level.PROBLEM
    assert full.do is not None
    assert "room" in full.do
    assert small.level is Level.WARNING

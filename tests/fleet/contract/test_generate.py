"""Derived files are what the table says, and the generator says when they are not."""

from pathlib import Path

import pytest

from fleet.contract.acl import access_list
from fleet.contract.generate import derived, main
from fleet.contract.topics import TABLE

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", sorted(derived()))
def test_committed_files_are_up_to_date(name: str) -> None:
    """What is committed is what the generator writes."""
    assert (ROOT / name).read_text(encoding="utf-8") == derived()[name]


def test_generator_writes_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check fails without the files and after an edit, and passes on what was written."""
    assert main(["--check"], tmp_path) == 1
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "docs/fleet-topics.md").write_text("edited")
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "docs/fleet-topics.md: differs\n"


def test_acl_gives_each_topic_to_one_side() -> None:
    """Terminals have patterns on their own name only; of services the fleet alone has topics."""
    lines = [line for line in access_list().splitlines() if not line.startswith("#")]
    patterns = lines[: len(TABLE)]
    assert all(line.startswith("pattern ") for line in patterns)
    assert all("%u" in line or line == "pattern read kapok/all/bundle" for line in patterns)
    assert not any("#" in line for line in patterns)
    services = lines[len(TABLE) :]
    assert [line for line in services if line.startswith("user ")] == [
        "user fleet",
        "user supervisor",
    ]
    assert services[-1] == "topic deny #"

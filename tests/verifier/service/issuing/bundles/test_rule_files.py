"""What a file of rules said before stays in force while it is wrong."""

from pathlib import Path

from tests.support.foreign import rule
from verifier.service.issuing.bundles.rule_files import NO_RULE_FILES, read_rule_files

GOOD = rule(1, {"===": [1, 1]})


def test_what_a_file_said_before(tmp_path: Path) -> None:
    """Half written, it asks what it asked; gone, nothing; right again, what it says."""
    file = tmp_path / "a.json"
    file.write_text(GOOD)
    first = read_rule_files(tmp_path, NO_RULE_FILES)
    assert (first.all_rules(), first.warning()) == ((GOOD,), None)
    file.write_text(GOOD[:40])
    second = read_rule_files(tmp_path, first)
    assert second.all_rules() == (GOOD,)
    assert second.wrong.keys() == {"a.json"}
    assert read_rule_files(tmp_path, NO_RULE_FILES).all_rules() == ()
    third = read_rule_files(tmp_path, second)
    assert third.all_rules() == (GOOD,)
    file.unlink()
    gone = read_rule_files(tmp_path, third)
    assert (gone.all_rules(), gone.warning()) == ((), None)


def test_many_wrong_files_are_counted(tmp_path: Path) -> None:
    """A folder of something else does not fill the screen."""
    for number in range(40):
        (tmp_path / f"{number:02}.json").write_text("?")
    warning = read_rule_files(tmp_path).warning()
    assert warning is not None
    assert warning.endswith("; and 35 more")

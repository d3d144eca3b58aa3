"""The journal: what was noted is there, what was not is cut off, strangers' files are kept."""

from pathlib import Path

import msgspec
import pytest

from deploy.bulk.journal import Journal, open_journal
from deploy.local.errors import UsageError

JOB = "0123456789abcdef"


def begin(folder: Path) -> Journal:
    """Open the journal of a folder."""
    return open_journal(folder / "out.ndjson", folder / "errors.ndjson", job=JOB)


def test_a_job_goes_on_where_it_was_noted(tmp_path: Path) -> None:
    """Under its first name; what came to the files after the note is cut off."""
    journal = begin(tmp_path)
    journal.keep(msgspec.structs.replace(journal.progress, batch=1, lines=3), [b"a", b"b"], [b"c"])
    journal.close()
    with (tmp_path / "out.ndjson").open("ab") as file:
        file.write(b"half a li")
    again = open_journal(tmp_path / "out.ndjson", tmp_path / "errors.ndjson", job="f" * 16)
    assert (again.progress.job, again.progress.batch, again.progress.lines) == (JOB, 1, 3)
    again.keep(msgspec.structs.replace(again.progress, batch=2), [b"d"], [])
    again.close()
    assert (tmp_path / "out.ndjson").read_bytes() == b"a\nb\nd\n"
    assert (tmp_path / "errors.ndjson").read_bytes() == b"c\n"


def test_files_are_for_nobody_else(tmp_path: Path) -> None:
    """They hold codes of people."""
    begin(tmp_path).close()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["out.ndjson", "errors.ndjson"])
def test_a_strangers_file_is_kept(name: str, tmp_path: Path) -> None:
    """Nothing is written over."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError):
        begin(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_files_that_were_cut_or_damaged_are_refused(tmp_path: Path) -> None:
    """Going on would lose what was noted."""
    journal = begin(tmp_path)
    journal.keep(journal.progress, [b"a"], [])
    journal.close()
    (tmp_path / "out.ndjson").write_bytes(b"")
    with pytest.raises(UsageError):
        begin(tmp_path)
    (tmp_path / "out.ndjson.job").write_text("{")
    with pytest.raises(UsageError):
        begin(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With the file's name."""
    with pytest.raises(UsageError):
        begin(tmp_path / "no")

"""Files as batches: what is said of them is what the house finds."""

from pathlib import Path

import pytest

from deploy.feed.files import PART_BYTES, describe, part_of
from deploy.local.errors import UsageError
from verifier.contract.feed import BatchForm, digest_of
from verifier.contract.vocabulary import Plane

ROW = b'{"ref": "R-1", "plane": "%b", "value": %b, "at": 1}\n'


@pytest.mark.parametrize(
    ("name", "text", "form", "counts"),
    [
        (
            "a.ndjson",
            ROW % (b"health", b'"red"') + ROW % (b"health", b"3") + ROW % (b"test", b"7"),
            BatchForm.NDJSON,
            {"health": {"red": 2}, "test": {"7": 1}},
        ),
        (
            "a.csv",
            b"ref,plane,value,at\r\nR-1,health,red,1\r\nR-2,health,1,1",
            BatchForm.CSV,
            {"health": {"red": 1, "green": 1}},
        ),
        ("empty.ndjson", b"", BatchForm.NDJSON, {}),
    ],
)
def test_a_file_is_described(
    tmp_path: Path, name: str, text: bytes, form: BatchForm, counts: dict[str, dict[str, int]]
) -> None:
    """Form by its name; lines, bytes, digest and counts in one reading."""
    path = tmp_path / name
    path.write_bytes(text)
    found = describe(path)
    assert (found.form, found.octets, found.digest) == (form, len(text), digest_of(text))
    assert found.lines == len(text.splitlines())
    assert found.counts == counts
    assert set(found.planes) == set(map(Plane, counts))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.ndjson", b"red\n"),
        ("a.ndjson", b'{"plane": "colour", "value": 1}\n'),
        ("a.csv", b"ref,plane,value,at\nR-1,red,1\n"),
        ("a.csv", b"ref,plane,value,at\nR-1,colour,red,1\n"),
    ],
)
def test_a_line_that_says_nothing_is_named(tmp_path: Path, name: str, text: bytes) -> None:
    """Before anything is sent."""
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(UsageError):
        describe(path)


def test_a_file_in_gbk_is_named_so(tmp_path: Path) -> None:
    """With what to do about it."""
    path = tmp_path / "a.csv"
    path.write_bytes("ref,plane,value,at\n粤-1,health,red,1\n".encode("gbk"))
    with pytest.raises(UsageError, match="GBK"):
        describe(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One clear error."""
    with pytest.raises(UsageError):
        describe(tmp_path / "none.ndjson")


def test_parts_make_the_file(tmp_path: Path) -> None:
    """From any offset on, at most so much at once."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"x" * (PART_BYTES + 10))
    assert len(part_of(path, 0)) == PART_BYTES
    assert part_of(path, PART_BYTES) == b"x" * 10
    assert part_of(path, PART_BYTES + 10) == b""

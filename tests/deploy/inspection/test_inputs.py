"""What was shown: texts as they stand, pictures, folders, standard input; chunks joined."""

import io
from pathlib import Path

import numpy as np
import pytest

from deploy.inspection.inputs import MAX_LINE_BYTES, ShownCode, count, joined, shown
from deploy.local.errors import UsageError
from firmware_stubs.edge import scene
from tests.support.health import card_text, chunks, health_text
from verifier.barcode.decoded import read_picture
from verifier.barcode.render import symbol, to_png
from verifier.contract.reasons import Reason


def seen(*arguments: object, stdin: bytes = b"") -> list[tuple[str, str | None, Reason | None]]:
    """Return what is shown by arguments."""
    found = shown(map(str, arguments), io.BytesIO(stdin))
    return [(one.name, one.text, one.reason) for one in found]


def test_texts_are_taken_as_doors_take_them() -> None:
    """What scanners add is taken off, no more; blank lines are none; an end may be missing."""
    assert seen("hc1:x ") == [("argument", "HC1:X ", None)]
    assert seen("-", stdin=b" HC1:a \r\n\r\n \nHC1:b\t\nHC1:\xff") == [
        ("stdin:1", "HC1:a ", None),
        ("stdin:4", "HC1:b", None),
        ("stdin:5", "HC1:�", None),
    ]


def test_a_line_longer_than_any_is_one_line() -> None:
    """Its start is kept, so that it is refused for its length; the next line is the next."""
    data = b"HC1:" + b"A" * (3 * MAX_LINE_BYTES) + b"\nHC1:B\n"
    first, second = seen("-", stdin=data)
    assert (first[0], len(first[1] or "")) == ("stdin:1", MAX_LINE_BYTES)
    assert second == ("stdin:2", "HC1:B", None)


def test_files_and_folders(tmp_path: Path) -> None:
    """A file's first bytes say what it is; a folder's files come by name."""
    text = health_text()
    (tmp_path / "a.txt").write_text(text + "\n")
    (tmp_path / "b.dat").write_bytes(to_png(symbol(text)))
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "d.txt").write_text(f"{text}\n{text}\n")
    (tmp_path / ".hidden").write_text(text)
    assert seen(tmp_path) == [
        ("a.txt", text, None),
        ("b.dat", text, None),
        ("c.png", None, None),
        ("d.txt:1", text, None),
        ("d.txt:2", text, None),
    ]
    assert seen("-", stdin=to_png(symbol(text))) == [("stdin", text, None)]
    assert (count([str(tmp_path)]), count(["-"]), count(["HC1:A"])) == (4, None, 1)


def side_by_side(*texts: str) -> bytes:
    """Draw several symbols into one picture."""
    frames = [read_picture(to_png(symbol(text))) for text in texts]
    height = max(frame.shape[0] for frame in frames)
    padded = [np.pad(f, ((0, height - f.shape[0]), (0, 0)), constant_values=255) for f in frames]
    return scene.to_png(np.hstack(padded))


def test_pictures_with_other_than_one_code(tmp_path: Path) -> None:
    """Several codes are refused; a poster's symbol beside one does not count."""
    one, other = health_text(), "CC1:ABC"
    (tmp_path / "two").write_bytes(side_by_side(one, other))
    (tmp_path / "poster").write_bytes(side_by_side(one, "https://example.com"))
    assert seen(tmp_path) == [("poster", one, None), ("two", None, Reason.PICTURE_SEVERAL)]
    (tmp_path / "card").write_bytes(side_by_side(*chunks(2)))
    assert seen(tmp_path / "card")[0][1:] == (card_text(), None)


def test_chunks_are_joined() -> None:
    """In any order, when they follow one another; what is between two cards ends the first."""
    one, two, three = chunks(3)
    whole = card_text()
    lines = f"{three}\n{one}\n{two}\nHC1:A\n{one}\n{three}\n{two}".encode()
    assert [item[1] for item in seen("-", stdin=lines)] == [whole, "HC1:A", whole]
    assert seen(one, two, three)[0][1:] == (whole, None)


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ((0, 1), [Reason.CODE_MALFORMED]),
        ((0, 0, 1, 2), [None, None]),
        ((0, 1, 1, 2, 0), [Reason.CODE_MALFORMED, None]),
    ],
)
def test_chunks_that_make_no_card(order: tuple[int, ...], found: list[Reason | None]) -> None:
    """One missing, one doubled: what does not fit begins anew."""
    parts = chunks(3)
    items = [ShownCode(name=str(i), text=parts[i]) for i in order]
    assert [one.reason for one in joined(items)] == found


@pytest.mark.parametrize("argument", ["no-such-file", "x" * 5000, "", "a\0b"])
def test_an_argument_that_is_nothing(argument: str) -> None:
    """Neither a file nor a text."""
    with pytest.raises(UsageError):
        seen(argument)


def test_an_empty_folder(tmp_path: Path) -> None:
    """It is said, not taken for success."""
    with pytest.raises(UsageError):
        seen(tmp_path)

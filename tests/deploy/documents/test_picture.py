"""The picture of the house: what is kept is what is made, and what cannot be read is refused."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from deploy.documents.__main__ import made
from deploy.documents.picture import PictureError, draw

KEPT = Path(__file__).parents[3] / "docs" / "pictures" / "architecture.toml"
GOOD = """
title = "two"
size = [600, 200]
legend = [10, 190]
note = []
key = []
[[box]]
name = "one"
kind = "person"
at = [10, 10]
size = [100, 60]
title = "one"
[[box]]
name = "two"
kind = "process"
at = [400, 10]
size = [100, 60]
title = "two"
lines = ["a < b"]
[[arrow]]
kind = "http"
way = ["one.right", "two.left"]
label = ["asks"]
at = [250, 30]
"""


@pytest.mark.parametrize("path", made(), ids=lambda path: path.name)
def test_what_is_kept_is_what_is_made(path: Path) -> None:
    """Made again by `.ci/generated`."""
    assert path.read_text(encoding="utf-8") == made()[path]


def test_every_text_of_the_description_is_in_the_picture() -> None:
    """As text, not as a shape: it can be searched and read aloud."""
    texts = [each.text for each in ET.fromstring(draw(GOOD)).iter() if each.text]  # noqa: S314
    assert [text for text in texts if text.strip()] == ["two", "one", "two", "a < b", "asks"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("at = [400, 10]", "at = [90, 10]", "overlap"),
        ("at = [250, 30]", "at = [60, 30]", "overlap"),
        ("at = [400, 10]", "at = [560, 10]", "not in the picture"),
        ('lines = ["a < b"]', f'lines = ["{"x" * 40}"]', "the text of 'two' needs"),
        ('lines = ["a < b"]', 'lines = ["a", "b", "c"]', "the text of 'two' needs"),
        ('["one.right", "two.left"]', '["one.right", "two.left+9"]', "not level or upright"),
        ('["one.right", "two.left"]', '["one.left", "two.left"]', "crosses 'one'"),
    ],
)
def test_what_cannot_be_read_is_refused(before: str, after: str, why: str) -> None:
    """Overlaps, texts without room, crooked arrows, arrows through boxes."""
    assert before in GOOD
    with pytest.raises(PictureError, match=why):
        draw(GOOD.replace(before, after))


def test_the_picture_names_every_process_that_signs() -> None:
    """Who signs stands in the picture, process by process."""
    text = KEPT.read_text(encoding="utf-8")
    boxes = dict(re.findall(r'name = "(\w+)"(.*?)(?=\n\[\[)', text, re.DOTALL))
    signing = {name for name, rest in boxes.items() if re.search(r"\"signs (?!nothing)", rest)}
    assert signing == {"root", "phone", "issuing", "fleet", "feeds"}

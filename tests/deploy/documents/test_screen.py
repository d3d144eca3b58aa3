"""A screen becomes a picture: its text is in it, and it asks nobody for a font."""

import re
from html import unescape

from deploy.documents.screen import picture


def test_text_and_colours_are_kept() -> None:
    """Line by line; what is green stays green."""
    drawn = picture("\x1b[32mpass\x1b[0m  hall-1\ndeny\n", "a title")
    texts = [unescape(text).replace("\xa0", " ") for text in re.findall(r">([^<>]+)</text>", drawn)]
    assert {"a title", "pass", "  hall-1", "deny"} <= set(texts)
    assert len(set(re.findall(r"fill: (#\w+)", drawn))) > 1


def test_nothing_is_loaded_from_elsewhere() -> None:
    """A picture in a document must not call a stranger's server."""
    drawn = picture("pass", "a title")
    assert "@font-face" not in drawn
    assert "url(http" not in drawn

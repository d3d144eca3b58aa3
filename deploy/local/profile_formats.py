"""Schema 3, profiles: a place says which formats its words mean, and asks rules of documents.

Of a profile that takes HC1 or SHC the words `static`, `colours` and `review_colours` are rewritten
so that they say what they meant. One without rules asked nothing of these documents, and nobody
ever said what it should ask: it takes them no longer, until somebody does. What cannot be rewritten
stays as it is, and publishing names what is wrong with it.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deploy.local.folder_changes import Change, Changes
from verifier.errors import ProfileError
from verifier.policy.profiles import read_profile

FOREIGN: Final = ("HC1", "SHC")
DROPPED: Final = (
    "# Taken out by the migration to schema 3: no rules said what is asked of them: {formats}.\n"
)
_LINE: Final = r"^{word}[ \t]*=[ \t]*\[?[^\[\]\n]*\]?[ \t]*(#.*)?$\n?"
"""A word and its value on one line, which is how people write them."""
_TABLE: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)


def profile_formats(folder: Path) -> Changes:
    """Return the profiles of a data folder that are written anew."""
    found: dict[str, Change] = {}
    for path in sorted((folder / "profiles").glob("*.toml")):
        rewritten = _rewritten(path.read_bytes())
        if rewritten is not None:
            found[f"profiles/{path.name}"] = rewritten
    return found


def _rewritten(data: bytes) -> bytes | None:
    """Return what a profile becomes, or None where it stays."""
    try:
        text = data.decode()
        values = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    formats = values.get("formats")
    if not isinstance(formats, list) or not set(FOREIGN) & set(map(str, formats)):
        return None
    new = _without(text, formats) if "rules" not in values else _explicit(text, values, formats)
    try:
        read_profile(new.encode())
    except ProfileError:
        return None
    return new.encode()


def _without(text: str, formats: list[Any]) -> str:
    """Take out the documents of which nothing was asked."""
    dropped = [one for one in formats if one in FOREIGN]
    kept = [one for one in formats if one not in FOREIGN]
    return DROPPED.format(formats=", ".join(dropped)) + _set(text, "formats", _array(kept))


def _explicit(text: str, values: Mapping[str, Any], formats: list[Any]) -> str:
    """Let the words say which formats they mean."""
    city = "CC1" in formats
    static = [one for one in formats if one != "CC1" or values.get("static") is True]
    text = _set(text, "static", _array(static))
    for word in ("colours", "review_colours"):
        if values.get(word):
            coloured = f"{{ CC1 = {_array(values[word])} }}"
            text = _set(text, word, coloured) if city else _drop(text, word)
    return text


def _set(text: str, word: str, value: str) -> str:
    """Write a word of the first table, where it stood or before the other tables."""
    line = f"{word} = {value}\n"
    pattern = re.compile(_LINE.format(word=word), re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text, count=1)
    table = _TABLE.search(text)
    at = len(text) if table is None else table.start()
    return text[:at] + line + text[at:]


def _drop(text: str, word: str) -> str:
    return re.sub(_LINE.format(word=word), "", text, count=1, flags=re.MULTILINE)


def _array(values: list[Any]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"

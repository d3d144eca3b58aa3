"""What was shown: texts, pictures, folders of both, standard input; chunks of a card joined.

A text is taken as it stands but for its line end: nothing is trimmed, folded or repaired. What
cannot be a text at all (a picture without a code) goes on with the Reason why.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

from deploy.local.account import as_caller, open_named
from deploy.local.errors import UsageError
from verifier.barcode.bounds import MAX_PICTURE_BYTES, PictureRefused
from verifier.barcode.decoded import read_picture
from verifier.barcode.picture import looks_like_picture
from verifier.barcode.scan import Finds, find
from verifier.codes import shc
from verifier.codes.formats import FORMATS, looks_like_code
from verifier.codes.shown import opens, texts_in_sight
from verifier.contract.reasons import Reason
from verifier.errors import Refusal

STDIN: Final = "-"
MAX_LINE_BYTES: Final = 64 * 1024
"""Bytes kept of a line; the longest code has 20,000 characters, and a longer line is refused."""
_PREFIX: Final = re.compile("|".join(re.escape(row.prefix) for row in FORMATS), re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """One code as it was shown, or why there is none."""

    name: str
    """Where it stood, for people."""
    text: str | None
    reason: Reason | None = None
    """Why there is no text."""


def shown(arguments: Iterable[str], stdin: BinaryIO) -> Iterator[ShownCode]:
    """Yield the codes of arguments: a text, a file, a folder of files, or `-`.

    Raises:
        UsageError: an argument that is none of them, or cannot be read.
    """
    return joined(seen for argument in arguments for seen in _seen(argument, stdin))


def count(arguments: Iterable[str]) -> int | None:
    """Return about how many codes there are, None where only reading would tell."""
    total = 0
    for argument in arguments:
        if argument == STDIN:
            return None
        path = _path(argument)
        total += len(_files(path)) if path is not None and _is_folder(path) else 1
    return total


def joined(items: Iterable[ShownCode]) -> Iterator[ShownCode]:
    """Put consecutive chunks of one card together, in any order; the rest goes through."""
    chunks: dict[int, ShownCode] = {}
    total = 0
    for item in items:
        chunk = None if item.text is None else shc.chunk_of(item.text)
        if chunks and (chunk is None or chunk[1] != total or chunk[0] in chunks):
            yield _join(chunks)
            chunks = {}
        if chunk is None:
            yield item
            continue
        total = chunk[1]
        chunks[chunk[0]] = item
        if len(chunks) == total:
            yield _join(chunks)
            chunks = {}
    if chunks:
        yield _join(chunks)


def _join(chunks: dict[int, ShownCode]) -> ShownCode:
    names = list(dict.fromkeys(item.name for item in chunks.values()))
    name = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
    texts = [item.text for item in chunks.values() if item.text is not None]
    if len(texts) == 1:  # a lone chunk of several: `join` would let it stand as it is
        return ShownCode(name=name, text=texts[0])
    try:
        return ShownCode(name=name, text=shc.join(texts))
    except Refusal as refusal:
        return ShownCode(name=name, text=None, reason=refusal.reason)


def _seen(argument: str, stdin: BinaryIO) -> Iterator[ShownCode]:
    if argument == STDIN:
        yield from _contents(stdin, "stdin", numbered=True)
        return
    path = None if looks_like_code(argument) else _path(argument)
    if path is not None:
        if _is_folder(path):
            for file in _files(path):
                yield from _file(file, file.name)
        else:
            yield from _file(path, argument)
    elif ":" in argument or _PREFIX.match(argument):
        yield ShownCode(name="argument", text=argument)
    else:
        raise UsageError(f"{argument[:80]!r} is no file, no folder and no text of a code")


def _path(argument: str) -> Path | None:
    try:
        path = Path(argument)
        with as_caller(path):
            return path if argument and path.exists() else None
    except (OSError, ValueError):  # longer than any name, or with a NUL
        return None


def _is_folder(path: Path) -> bool:
    with as_caller(path):
        return path.is_dir()


def _files(folder: Path) -> tuple[Path, ...]:
    """Return a folder's files by name, hidden ones left out."""
    try:
        with as_caller(folder):
            listed = [path for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise UsageError(f"cannot read {folder}: {error.strerror}") from error
    found = tuple(path for path in listed if not path.name.startswith("."))
    if not found:
        raise UsageError(f"{folder}: an empty folder; name one with files")
    return found


def _file(path: Path, name: str) -> Iterator[ShownCode]:
    try:
        with open_named(path) as file:
            yield from _contents(file, name, numbered=False)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _contents(source: BinaryIO, name: str, *, numbered: bool) -> Iterator[ShownCode]:
    """Read a picture, or lines; which of them shows by the first bytes."""
    first = source.readline(MAX_LINE_BYTES)
    if looks_like_picture(first):
        yield from _picture(first + source.read(MAX_PICTURE_BYTES + 1 - len(first)), name)
        return
    lines = _lines(first, source)
    start = [] if numbered else list(islice(lines, 2))
    for number, line in chain(start, lines):
        yield ShownCode(name=name if len(start) == 1 else f"{name}:{number}", text=line)


def _lines(first: bytes, source: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield lines that are not blank, with their numbers; of an endless one only its start."""
    line, number = first, 0
    while line:
        number += 1
        kept = line
        while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = source.readline(MAX_LINE_BYTES)
        text = kept.rstrip(b"\r\n")
        if text.strip():
            yield number, text.decode("utf-8", "replace")
        line = source.readline(MAX_LINE_BYTES)


def _picture(data: bytes, name: str) -> Iterator[ShownCode]:
    """Yield the one code in a picture, or the chunks of one card; other symbols do not count."""
    try:
        sight = find(read_picture(data), opens)
    except PictureRefused:
        sight = Finds()
    found = texts_in_sight(sight)
    if isinstance(found, Reason):
        yield ShownCode(name=name, text=None, reason=found)
    else:
        yield from (ShownCode(name=name, text=text) for text in found)

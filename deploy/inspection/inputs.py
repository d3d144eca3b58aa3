"""What was shown: texts, pictures, folders of both, standard input; chunks of a card joined.

A text is taken as every door takes it: what scanners add is taken off, nothing else is trimmed,
folded or repaired. Lines of JSON (of `kapok issue bulk`, of a firmware team's cases) give their
members `text` or `texts`. What cannot be a text at all goes on with the reason why: a picture
without a code, a file of another kind.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from deploy.inspection.file_kinds import PLAIN_TEXT, REFUSED_PICTURES, UnreadFile, unread
from deploy.local.account import as_caller, open_named
from deploy.local.errors import UsageError
from verifier.barcode.bounds import MAX_PICTURE_BYTES, Cause, PictureRefused
from verifier.barcode.decoded import read_picture
from verifier.barcode.picture import looks_like_picture
from verifier.barcode.scan import find
from verifier.codes import shc
from verifier.codes.formats import FORMATS, looks_like_code
from verifier.codes.scanned import clean, fault_of
from verifier.codes.shown import opens, texts_in_sight
from verifier.contract.reasons import Reason
from verifier.errors import Refusal

STDIN: Final = "-"
MAX_LINE_BYTES: Final = 64 * 1024
"""Bytes kept of a line; the longest code has 20,000 characters, and a longer line is refused."""
HEAD_BYTES: Final = 4096
"""Bytes of a file that say what it is, where more than its first line can be had."""
MAX_PLAIN_LINES: Final = 1_000
"""Lines at the beginning of a file among which a list of codes has one; a file of fewer that has
none is another text, and one row."""
_PREFIX: Final = re.compile("|".join(re.escape(row.prefix) for row in FORMATS), re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCode:
    """One code as it was shown, or why there is none."""

    name: str
    """Where it stood, for people."""
    text: str | None
    reason: Reason | None = None
    """Why there is no text."""
    unread: UnreadFile | None = None
    """What the file is, or what is wrong with it: nothing was looked at."""
    cleaned: bool = False
    """It came with more than the code, or in other letters, as a scanner types it."""


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
    path = None if looks_like_code(clean(argument)) else _path(argument)
    if path is not None:
        if _is_folder(path):
            for file in _files(path):
                yield from _file(file, file.name)
        else:
            yield from _file(path, argument)
    elif ":" in argument or _PREFIX.match(argument) or fault_of(argument) is not None:
        yield _code("argument", argument)
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
            ahead = file.peek(HEAD_BYTES) if isinstance(file, io.BufferedReader) else b""
            yield from _contents(file, name, numbered=False, head=ahead[:HEAD_BYTES])
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _contents(
    source: BinaryIO, name: str, *, numbered: bool, head: bytes = b""
) -> Iterator[ShownCode]:
    """Read a picture, or lines; which of them shows by the first bytes.

    `head` are bytes from the beginning, where they can be had without waiting.
    """
    first = source.readline(MAX_LINE_BYTES)
    head = head if len(head) > len(first) else first
    if looks_like_picture(first):
        yield from _picture(first + source.read(MAX_PICTURE_BYTES + 1 - len(first)), name)
        return
    if _members(first) is not None:
        for number, line in _lines(first, source):
            for text in _texts(line):
                yield _code(f"{name}:{number}", text)
        return
    if not looks_like_code(clean(first.decode("utf-8", "replace"))):
        what = unread(head)
        if what is not None:
            yield ShownCode(name=name, text=None, unread=what)
            return
    lines = _lines(first, source)
    start = [] if numbered else _up_to_a_code(lines)
    if len(start) > 1 and len(start) < MAX_PLAIN_LINES and not _is_of_codes(start[-1][1]):
        yield ShownCode(name=name, text=None, unread=PLAIN_TEXT)
        return
    start += () if numbered else islice(lines, 1)
    for number, line in chain(start, lines):
        yield _code(name if len(start) == 1 else f"{name}:{number}", line)


def _up_to_a_code(lines: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """Take lines up to the first that begins like a code, or so many without one."""
    taken: list[tuple[int, str]] = []
    for line in islice(lines, MAX_PLAIN_LINES):
        taken.append(line)
        if _is_of_codes(line[1]):
            break
    return taken


def _is_of_codes(line: str) -> bool:
    return looks_like_code(clean(line)) or fault_of(line) is not None


def _code(name: str, came: str) -> ShownCode:
    """Return a text as a door takes it."""
    text = clean(came)
    return ShownCode(name=name, text=text, cleaned=text != came)


def _members(line: str | bytes) -> dict[str, Any] | None:
    """Return the members of a line that is a JSON object; None: it is none."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _texts(line: str) -> tuple[str, ...]:
    """Return the texts of a line of JSON; none where it names none, as a line of a phone does.

    A line that is no object among others that are is shown as it stands, and refused for it.
    """
    members = _members(line)
    if members is None:
        return (line,)
    texts = members.get("texts")
    listed = texts if isinstance(texts, list) else [members.get("text")]
    return tuple(text for text in listed if isinstance(text, str))


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
    except PictureRefused as refused:
        other = unread(data) if refused.cause is Cause.UNSUPPORTED else None
        yield ShownCode(name=name, text=None, unread=other or REFUSED_PICTURES[refused.cause])
        return
    found = texts_in_sight(sight)
    if isinstance(found, Reason):
        yield ShownCode(name=name, text=None, reason=found)
    else:
        yield from (ShownCode(name=name, text=text) for text in found)

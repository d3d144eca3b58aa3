"""What docstrings and comments name exists: files, folders, modules, and names in backticks.

A name that was moved leaves its old name behind in a sentence somewhere; this finds it.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
ROOMS: Final = ("runtime", "verifier", "fleet", "firmware_stubs", "deploy", "tests", "docs")
_PATH: Final = re.compile(rf"(?<![\w/.<*-])(?:{'|'.join(ROOMS)})(?:[/][A-Za-z0-9_.-]+)+")
_FILE: Final = re.compile(r"`((?:[a-z0-9_-]+/)*[a-z0-9_-]+\.(?:py|md|lua))`")
_NAME: Final = re.compile(r"`([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)(?:\(\))?`")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ANY: Final = "NAME"
"""In a path: whatever somebody puts there."""
FOREIGN: Final = frozenset({"setUTCFullYear", "setUTCMonth", "setUTCDate", "setUTCHours"})
"""Names of other languages' libraries."""


class Tree:
    """A repository: its files, and every name that its code uses."""

    def __init__(self, root: Path, rooms: Iterable[str] = ROOMS) -> None:
        self._root = root
        self.sources = {
            str(path.relative_to(root)): path.read_text(encoding="utf-8")
            for room in rooms
            for path in sorted((root / room).rglob("*.py"))
        }
        found = [path.relative_to(root) for room in rooms for path in (root / room).rglob("*")]
        self._paths = {f"/{path}" for path in found}
        self._names = {part.removesuffix(".py") for path in found for part in path.parts}
        for source in self.sources.values():
            self._names |= set(_WORD.findall(_code(source)))

    def has_path(self, name: str) -> bool:
        """Say whether a path, or the end of one, is there."""
        return any(path.endswith(f"/{name}") for path in self._paths)

    def has_name(self, name: str) -> bool:
        """Say whether every part of a dotted name is a module, or a name of the code."""
        return all(part in self._names for part in name.split("."))


def absent(tree: Tree) -> Iterator[str]:
    """Yield what is named and is not there, with where it is named."""
    for name, source in tree.sources.items():
        for line, text in spoken(source):
            said = [path.rstrip("./") for path in _PATH.findall(text) if _ANY not in path]
            for path in sorted({*said, *_FILE.findall(text)} - {*ROOMS}):
                if not tree.has_path(path):
                    yield f"{name}:{line}: {path}"
            for word in _NAME.findall(text):
                if word not in FOREIGN and not _FILE.match(f"`{word}`") and not tree.has_name(word):
                    yield f"{name}:{line}: `{word}`"


def spoken(source: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings and comments with their lines."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _code(source: str) -> str:
    """Return a source without its docstrings: what they alone name is not there."""
    return re.sub(r'"""[\s\S]*?"""', "", source)


def test_what_is_named_is_there() -> None:
    """In every docstring and comment."""
    assert "\n".join(absent(Tree(ROOT))) == ""


@pytest.mark.parametrize(
    "text",
    [
        '"""Read verifier/there/gone.py first."""',
        '"""The rules of `gone.py`."""',
        '"""Made by `verifier.gone`."""',
        '"""Made by `gone()`."""',
        "# see docs/gone.md",
    ],
)
def test_a_planted_name_is_found(text: str, tmp_path: Path) -> None:
    """Each kind of name, and nothing of what is there."""
    room = tmp_path / "verifier" / "there"
    room.mkdir(parents=True)
    (room / "a.py").write_text('"""See verifier/there/b.py, `b.py` and `verifier.there.b`."""\n')
    (room / "b.py").write_text(f"{text}\n")
    assert [line.split(":")[0] for line in absent(Tree(tmp_path))] == ["verifier/there/b.py"]

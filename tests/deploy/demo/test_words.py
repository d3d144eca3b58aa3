"""The demo's rows in two languages, and how they stand on a screen."""

import ast
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from deploy.demo import gates, play, status_changes
from deploy.demo.sheet import Sheet
from deploy.demo.stage import DemoRow
from deploy.demo.words import how, said
from deploy.words.demo import DEMO
from verifier.contract.reasons import Language

SAYING = frozenset({"scan", "note", "fact", "say"})
ROW = DemoRow(
    chapter="phones",
    what="shown for another place",
    where="culture-1",
    decision="deny",
    reason="trust.unknown_key",
    milliseconds=17.2,
    online=False,
    right=True,
    wanted="deny trust.unknown_key",
)


def spoken(source: str) -> Iterator[str]:
    """Return what a module's chapters say: names of rows and chapters, and what is waited for."""
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call) and node.args:
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            values = [node.args[0]] if name in SAYING else []
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            values = [node.value] if node.targets[0].attr == "chapter" else []
        yield from (str(value.value) for value in values if isinstance(value, ast.Constant))


def printed(row: DemoRow, language: Language, width: int) -> list[str]:
    """Return the lines of a row, its chapter first."""
    file = io.StringIO()
    Sheet(Console(file=file, width=width), language).show(row)
    return file.getvalue().splitlines()


def test_everything_that_is_said_has_chinese_words() -> None:
    """And no words are kept of what is not said any more."""
    found = set()
    for module in (gates, status_changes, play):
        assert module.__file__ is not None
        found |= set(spoken(Path(module.__file__).read_text(encoding="utf-8")))
    found |= {how(Language.EN, online=online) for online in (True, False)} - {"online"}
    assert found == {key for key in DEMO if "{" not in key}


@pytest.mark.parametrize("language", Language)
def test_a_row_fits_eighty_columns(language: Language) -> None:
    """Columns are filled by how wide characters are; nothing is cut off."""
    chapter, line = printed(ROW, language, 80)
    assert chapter == said("phones", language)
    assert cell_len(line) <= 80
    for word in (said(ROW.what, language), "culture-1", "deny trust.unknown_key", "17", "✓"):
        assert word in line


def test_a_wrong_row_says_what_was_wanted() -> None:
    """Beside what came."""
    wrong = replace(ROW, right=False)
    assert printed(wrong, Language.EN, 80)[1].endswith("✗ deny trust.unknown_key")


@pytest.mark.parametrize("language", Language)
def test_a_row_fits_a_narrow_screen_in_two_lines(language: Language) -> None:
    """What was shown, and below it what came: terminal, decision and reason whole."""
    _, what, came = printed(ROW, language, 60)
    assert what.strip() == said(ROW.what, language)
    assert max(cell_len(what), cell_len(came)) <= 60
    for word in ("culture-1", "deny trust.unknown_key", "17", "✓"):
        assert word in came

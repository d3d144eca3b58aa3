"""The demo's rows on a screen, each as it comes: columns stand under each other at any width.

On a narrow screen a row is two lines: what is shown, and what came of it.
"""

from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from deploy.demo import words
from deploy.demo.stage import DemoRow
from verifier.contract.reasons import Language

_COLOURS: Final = {"pass": "green", "deny": "red", "review": "yellow"}
_WHERE, _CAME, _SPENT, _HOW, _MARK = 10, 23, 5, 7, 2
"""Columns; the longest decision with its reason is "deny trust.unknown_key"."""
_NARROWEST: Final = 20
_WIDEST: Final = 42
_LONG_MS: Final = 9999.0


class Sheet:
    """Prints rows, and a chapter's name before its first."""

    def __init__(self, console: Console, language: Language) -> None:
        self._console = console
        self._language = language
        self._chapter = ""
        rest = console.width - _WHERE - _CAME - _SPENT - _HOW - _MARK
        self._wide = min(_WIDEST, max(_NARROWEST, rest))
        self._narrow = rest < _NARROWEST

    def say(self, text: str) -> None:
        """Print what is being done where it takes a while."""
        self._print(Text(f"… {words.said(text, self._language)}", style="dim"))

    def show(self, row: DemoRow) -> None:
        """Print a row."""
        if row.chapter != self._chapter:
            self._chapter = row.chapter
            self._print(Text(words.said(row.chapter, self._language), style="bold"))
        spent = "" if row.milliseconds is None else f"{min(row.milliseconds, _LONG_MS):.0f}"
        what = f"  {words.said(row.what, self._language)}"
        if self._narrow:
            self._print(Text(what, style="" if row.right else "bold red"))
            line = Text("    ")
        else:
            line = Text(self._cell(what, self._wide))
        line.append(self._cell(row.where, _WHERE))
        came = f"{row.decision} {row.reason}"
        line.append(self._cell(came, _CAME), style=_COLOURS.get(row.decision, ""))
        line.append(f"{spent:>{_SPENT - 1}} ")
        line.append(self._cell(words.how(self._language, online=row.online), _HOW))
        line.append("✓" if row.right else f"✗ {row.wanted}")
        if not row.right:
            line.stylize("bold red")
        self._print(line)

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True, highlight=False)

    @staticmethod
    def _cell(text: str, width: int) -> str:
        """Fill a column; what is longer pushes the rest on, so that nothing is lost."""
        return f"{text} " if cell_len(text) >= width else set_cell_size(text, width)

"""Prints a report: what is wrong on top with what to do, then everything in sections."""

from functools import partial
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.status.report import HouseReport, Level, Section
from deploy.words.chinese import said
from deploy.words.phrase import Phrase
from verifier.contract.reasons import Language

MAX_SUBJECT: Final = 30
"""Columns of a subject beside what is said of it; a longer one is broken."""
_STYLES: Final = {Level.PROBLEM: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MARKS: Final = {Level.FINE: " ", Level.NOTE: "i", Level.WARNING: "!", Level.PROBLEM: "✗"}


def print_report(console: Console, report: HouseReport, language: Language) -> None:
    """Print a report in a language."""
    in_words = partial(said, language=language)
    wrong = report.wrong
    if wrong:
        counted = Phrase("wrong: {count}", count=len(wrong))
        console.print(Text(in_words(counted), style="bold red"))
    else:
        console.print(Text(in_words(Phrase("all is well")), style="bold green"))
    for row in wrong:
        line = in_words(Phrase("{subject}: {said}", subject=row.subject, said=row.said))
        console.print(Text(f"{_MARKS[row.level]} {line}", style=_STYLES[row.level]))
        if row.do is not None:
            advice = Table.grid()
            advice.add_row(Text("    → "), Text(in_words(row.do), overflow="fold"))
            console.print(advice)
    for section in report.sections:
        if section.rows:
            console.print(Text(f"\n{in_words(section.title)}", style="bold"))
            console.print(_table(section, language))
    if wrong:
        more = in_words(Phrase("docs/runbook.md says more on each; log/ in the data folder"))
        console.print(Text(f"\n{more}"))


def _table(section: Section, language: Language) -> Table:
    subjects = [said(row.subject, language) for row in section.rows]
    widest = min(MAX_SUBJECT, max(map(cell_len, subjects)))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", min_width=widest, max_width=widest)
    table.add_column(overflow="fold")
    for row, subject in zip(section.rows, subjects, strict=True):
        style = _STYLES.get(row.level, "")
        table.add_row(
            Text(_MARKS[row.level], style=style),
            Text(subject, style=style),
            Text(said(row.said, language)),
        )
    return table

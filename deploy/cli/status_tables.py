"""Prints a report: what is wrong on top with what to do, then everything in sections."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.status.report import HouseReport, Level, Section

_STYLES: Final = {Level.PROBLEM: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MARKS: Final = {Level.FINE: " ", Level.NOTE: "i", Level.WARNING: "!", Level.PROBLEM: "✗"}


def print_report(console: Console, report: HouseReport) -> None:
    """Print a report."""
    wrong = report.wrong
    if wrong:
        console.print(Text(f"wrong: {len(wrong)}", style="bold red"))
    else:
        console.print(Text("all is well", style="bold green"))
    for row in wrong:
        line = Text(f"{_MARKS[row.level]} {row.subject}: {row.said}", style=_STYLES[row.level])
        console.print(line)
        if row.do:
            console.print(Text(f"    → {row.do}"))
    for section in report.sections:
        if section.rows:
            console.print(Text(f"\n{section.title}", style="bold"))
            console.print(_table(section))
    if wrong:
        console.print(Text("\ndocs/runbook.md says more on each; log/ in the data folder"))


def _table(section: Section) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in section.rows:
        style = _STYLES.get(row.level, "")
        table.add_row(
            Text(_MARKS[row.level], style=style), Text(row.subject, style=style), Text(row.said)
        )
    return table

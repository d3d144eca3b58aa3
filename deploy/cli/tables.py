"""Tables that cut nothing: where the columns do not fit the screen, each row is written as lines.

In lines a cell stands behind its column's name, cells are kept whole as long as one fits the screen
at all, and what is longer goes on in the next line. Wide characters count as two columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

_GAP: Final = 2
"""Columns between two cells."""
_INDENT: Final = 4
"""Of the lines of a row after the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column."""

    name: str
    right: bool = False
    """Numbers stand under each other by their last digit."""
    breaks: int = 0
    """Cells may be broken between words down to this width; 0: a cell is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """The cells of a row."""

    cells: Sequence[str]
    style: StyleType = ""


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[TableRow]) -> None:
    """Print rows as a table, or as lines where a table would have to cut."""
    if _least_width(columns, rows) <= console.width:
        console.print(_table(columns, rows))
        return
    for row in rows:
        for line in _lines(columns, row, console.width):
            console.print(Text(line, style=row.style), soft_wrap=True)


def _least_width(columns: Sequence[Column], rows: Iterable[TableRow]) -> int:
    """Return the columns of the screen that a table needs at least."""
    found = [cell_len(column.name) for column in columns]
    for row in rows:
        for number, (column, cell) in enumerate(zip(columns, row.cells, strict=True)):
            least = cell_len(cell)
            if column.breaks:
                words = max((cell_len(word) for word in cell.split()), default=0)
                least = max(words, min(least, column.breaks))
            found[number] = max(found[number], least)
    return sum(found) + _GAP * (len(columns) - 1)


def _table(columns: Sequence[Column], rows: Iterable[TableRow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(
            Text(column.name),
            justify="right" if column.right else "left",
            no_wrap=not column.breaks,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row.cells), style=row.style)
    return table


def _lines(columns: Sequence[Column], row: TableRow, width: int) -> Iterator[str]:
    """Yield a row as lines, the first cell without its column's name: it is what the row is of."""
    cells = [
        cell if not number else f"{column.name} {cell}"
        for number, (column, cell) in enumerate(zip(columns, row.cells, strict=True))
        if cell
    ]
    line = ""
    for cell in cells:
        gap = " " * _GAP if line.strip() else ""
        if line.strip() and cell_len(line + gap + cell) > width:
            yield line
            line, gap = " " * _INDENT, ""
        line += gap + cell
        while cell_len(line) > width:
            kept = _fitting(line, width)
            yield line[:kept].rstrip()
            line = " " * _INDENT + line[kept:].lstrip()
    yield line


def _fitting(line: str, width: int) -> int:
    """Return how many characters of a line fit, up to a space where there is one."""
    end = 0
    while end < len(line) and cell_len(line[: end + 1]) <= width:
        end += 1
    space = line.rfind(" ", _INDENT + 1, end + 1)
    return space if space > _INDENT else max(end, _INDENT + 1)

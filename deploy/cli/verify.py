"""`kapok verify`: codes judged as a gate would, short of whether they were used."""

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from deploy.cli.data_option import Data
from deploy.cli.judged_by import At, PlaceName, ProfileFile, RulesFolder, Trusted, asked_by
from deploy.inspection.inputs import STDIN, ShownCode, count, shown
from deploy.inspection.judgement import JudgedCode, judge
from deploy.inspection.report import remarks
from deploy.inspection.words import printable
from deploy.local.errors import EXIT_FAILED, UsageError
from deploy.words.language import own_language
from verifier.contract.vocabulary import Outcome

MAX_ROWS: Final = 1_000
"""Rows of the table; who has more codes reads JSON lines."""
MAX_NAME_CHARS: Final = 200
"""Characters of a name in the table."""
_STYLES: Final = {Outcome.PASS: "green", Outcome.REVIEW: "yellow", Outcome.DENY: "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    codes: Annotated[
        list[str] | None,
        typer.Argument(help="Texts, pictures, files of texts, folders; - is standard input."),
    ] = None,
    *,
    trust: Trusted = None,
    place: PlaceName = None,
    profile: ProfileFile = None,
    rules: RulesFolder = None,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data: Data = None,
) -> None:
    """Verify codes: exit 0 when all pass, 1 when one does not, 2 when the call is wrong.

    Without a place no verdict is given: exit 0 when all are genuine and their status is good.
    """
    arguments = codes or _piped()
    asked = asked_by(trust=trust, data=data, place=place, profile=profile, at=at, rules=rules)
    seen = _with_progress(shown(arguments, sys.stdin.buffer), count(arguments))
    judged = (judge(one, asked) for one in seen)
    at_place = asked.profile is not None
    passed, total = _print_lines(judged) if as_json else _print_table(judged, at_place=at_place)
    if not total:
        raise UsageError("nothing to verify: no code was given")
    if passed < total:
        raise typer.Exit(EXIT_FAILED)


def _piped() -> list[str]:
    if sys.stdin.isatty():
        raise UsageError("name a code: a text, a picture, a folder, or - for standard input")
    return [STDIN]


def _with_progress(items: Iterator[ShownCode], total: int | None) -> Iterator[ShownCode]:
    """Show how far it is on standard error, where a person looks at it."""
    console = Console(stderr=True)
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn())
    idle = total == 1 or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=idle) as progress:
        yield from progress.track(items, total=total)


def _style(one: JudgedCode) -> str:
    """Return the colour of a row: red also for what is genuine, where its status is bad."""
    if one.decision.outcome is Outcome.PASS and not one.passed:
        return _STYLES[Outcome.DENY]
    return _STYLES[one.decision.outcome]


def _print_lines(judged: Iterable[JudgedCode]) -> tuple[int, int]:
    passed = total = 0
    for one in judged:
        passed, total = passed + one.passed, total + 1
        sys.stdout.buffer.write(msgspec.json.encode(one.line()) + b"\n")
        sys.stdout.buffer.flush()
    return passed, total


def _print_table(judged: Iterable[JudgedCode], *, at_place: bool) -> tuple[int, int]:
    """Print a row for each code, and each reason's sentence once."""
    table = Table("format", "outcome", "reason", "status")
    table.add_column("code", overflow="fold")
    sentences: dict[tuple[str, str], None] = {}
    aged: list[str] = []
    language, passed, total = own_language().value, 0, 0
    for one in judged:
        passed, total = passed + one.passed, total + 1
        if total <= MAX_ROWS:
            name = printable(one.shown.name, MAX_NAME_CHARS)
            row = (one.format_word, one.outcome_word, one.reason_word, one.status_word, name)
            table.add_row(*map(Text, row), style=_style(one))
        if not one.passed or one.place is None:
            sentences[one.reason_word, one.sentences()[language]] = None
        if one.but_for_age is not None and len(aged) < MAX_ROWS:
            aged.append(f"{printable(one.shown.name, MAX_NAME_CHARS)}: {remarks(one)[-1]}")
    console = Console(markup=False, highlight=False)
    if total:
        console.print(table)
    for reason, told in sentences:
        console.print(told if reason == "-" else f"{reason}: {told}")
    for remark in aged:
        console.print(remark)
    if total > MAX_ROWS:
        console.print(f"{total - MAX_ROWS} more rows are not shown; --json gives all")
    if total > 1:
        console.print(f"{passed} of {total} {'pass' if at_place else 'are good'}")
    return passed, total

"""`kapok scans`: the scans of a terminal, newest first, and what explains each."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from deploy.cli.data_option import Data
from deploy.cli.house import with_doors
from deploy.cli.tables import Column, TableRow, print_table
from deploy.inspection.inputs import shown
from deploy.inspection.options import moment
from deploy.inspection.words import utc
from deploy.local.doors import Doors
from deploy.local.errors import EXIT_FAILED, UsageError
from deploy.words.language import own_language
from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.record import MAX_FOUND
from verifier.contract.vocabulary import Outcome
from verifier.decision import STEPS
from verifier.steps.course import OK, REFUSED, SKIPPED, UNSURE

MAX_EXPLAINED: Final = 3
"""Scans that are explained step by step below the table; --explain does it for all."""
_STYLES: Final = {Outcome.PASS: "green", Outcome.REVIEW: "yellow", Outcome.DENY: "red"}
_ANSWERS: Final = {OK: "ok", SKIPPED: "skipped", UNSURE: "unsure", REFUSED: "refused"}
_COLUMNS: Final = (
    *(Column(name=name) for name in ("at", "decision", "reason", "format", "use", "gate")),
    Column(name="ms", right=True),
    Column(name="decided by"),
    Column(name="scan", breaks=16),
)

Terminal = Annotated[str, typer.Option("--terminal", help="The terminal's id, such as hall-1.")]
Code = Annotated[
    str | None,
    typer.Option("--code", help="Only scans of this code: a picture, a file, or its text."),
]
Before = Annotated[
    str | None, typer.Option("--before", help="Only earlier ones: 2026-11-24T08:30Z, UTC.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(scans)


def scans(
    *,
    terminal: Terminal,
    last: Annotated[int, typer.Option(min=1, max=MAX_FOUND, help="How many.")] = 20,
    before: Before = None,
    code: Code = None,
    explain: Annotated[bool, typer.Option("--explain", help="Every scan step by step.")] = False,
    data: Data = None,
) -> None:
    """Show the last scans of a terminal, or those of one code there; exit 1 when there is none."""
    asked: dict[str, Any] = {"terminal": terminal, "last": last}
    if before is not None:
        asked["before"] = _milliseconds(before)
    if code is not None:
        asked["texts"] = _texts(code)

    async def ask(doors: Doors) -> Mapping[str, Any]:
        return await doors.search_records(asked)

    found = with_doors(data, ask)
    console = Console(markup=False, highlight=False)
    rows = found["records"]
    if rows:
        print_table(console, _COLUMNS, [_row(row) for row in rows])
    if explain or len(rows) <= MAX_EXPLAINED:
        for row in rows:
            _explain(console, row)
    else:
        _sentences(console, rows)
    _print_end(console, found, terminal if code is None else f"this code at {terminal}")
    if not rows:
        raise typer.Exit(EXIT_FAILED)


def _milliseconds(before: str) -> int:
    at = moment(before, "--before")
    if at < 0:
        raise UsageError(f"--before {before[:40]!r}: no scan is that old")
    return int(at * 1000)


def _texts(code: str) -> list[str]:
    """Return the one code that is named; the symbols of a card are one."""
    found = shown([code], sys.stdin.buffer)
    texts = [one.text for one in found if one.text is not None]
    if len(texts) != 1:
        raise UsageError(f"--code: {len(texts)} codes can be read there; one is needed")
    return texts


def _row(row: Mapping[str, Any]) -> TableRow:
    by = "staff" if row.get("manual") else "terminal" if row["offline"] else "centre"
    cells = (
        *(utc(row["at"] / 1000), row["decision"], row.get("reason") or "-"),
        *(row.get("format") or "-", row["answer"], row["gate"], f"{row['milliseconds']:.1f}"),
        *(by if row.get("incident") is None else f"{by}, {row['incident']}", row["scan_id"]),
    )
    return TableRow(cells=cells, style=_STYLES[Outcome(row["decision"])])


def _sentence(row: Mapping[str, Any], language: Language) -> str:
    reason = row.get("reason")
    return sentence(Outcome(row["decision"]), None if reason is None else Reason(reason), language)


def _sentences(console: Console, rows: list[Mapping[str, Any]]) -> None:
    """Say once what each reason means."""
    told = {row["reason"]: _sentence(row, own_language()) for row in rows if row.get("reason")}
    for reason, text in told.items():
        console.print(f"{reason}: {text}")


def _explain(console: Console, row: Mapping[str, Any]) -> None:
    console.print(Text(f"{row['scan_id']}: {row['decision']} {row.get('reason') or ''}".rstrip()))
    for language in Language:
        console.print(f"  {_sentence(row, language)}")
    for number, (step, letter) in enumerate(zip(STEPS, row["steps"], strict=True), 1):
        console.print(f"  ({number}) {step.value}: {_ANSWERS.get(letter, 'not reached')}")
    console.print(f"  (8) use: {row['answer']}")
    known = [f"trust {row['trust_version']}", f"profiles {row['profile_version']}"]
    if row["status_version"]:
        known.insert(1, f"status {row['status_version']}")
    age = row.get("status_age")
    aged = "" if age is None else f"; the status was {age} s old"
    console.print(f"  judged by versions: {', '.join(known)}{aged}")
    for name, label in (("unsure", "not known then"), ("rule", "the deciding rule")):
        if row.get(name):
            console.print(Text(f"  {label}: {row[name]}"))
    if row.get("amendment"):
        console.print(Text(f"  said afterwards: {row['amendment']['kind']}"))


def _print_end(console: Console, found: Mapping[str, Any], what: str) -> None:
    if not found["records"]:
        console.print(f"no scan of {what} was found")
    looked = utc(found["searched_from"] / 1000)
    console.print(
        f"looked back to {looked}: nothing older is kept here; `kapok records` has the days before"
        if found["whole"]
        else f"looked back to {looked}; older ones: --before {looked.replace(' ', 'T')}"
    )

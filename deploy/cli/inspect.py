"""`kapok inspect`: one code taken apart step by step, for whoever helps the person with it."""

import sys
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.cli.data_option import Data
from deploy.cli.judged_by import At, PlaceName, ProfileFile, RulesFolder, Trusted, asked_by
from deploy.inspection.anatomy import Claim, EnvelopePart
from deploy.inspection.inputs import STDIN, ShownCode, shown
from deploy.inspection.report import CodeReport, StepReport, inspect, remarks, verdict
from deploy.inspection.words import printable
from deploy.local.errors import EXIT_FAILED, UsageError
from verifier.contract.vocabulary import StepResult

MAX_HEX_CHARS: Final = 128
"""Characters of a part's hex that are shown; --json gives all."""
MAX_NAME_CHARS: Final = 200
"""Characters of a name that are shown."""
_STYLES: Final = {
    StepResult.OK.value: "green",
    StepResult.UNSURE.value: "yellow",
    StepResult.REFUSED.value: "bold red",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inspect")(inspect_code)


def inspect_code(
    code: Annotated[
        list[str] | None,
        typer.Argument(help="A text, a picture, a file; - is standard input. Chunks: one each."),
    ] = None,
    *,
    trust: Trusted = None,
    place: PlaceName = None,
    profile: ProfileFile = None,
    rules: RulesFolder = None,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: Data = None,
) -> None:
    """Take one code apart, step by step; exit 0 when it passes, 1 when not.

    Without a place no verdict is given: exit 0 when the code is genuine and its status good.
    """
    one = _one(code)
    asked = asked_by(trust=trust, data=data, place=place, profile=profile, at=at, rules=rules)
    found = inspect(one, asked)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found.document()) + b"\n")
        sys.stdout.buffer.flush()
    else:
        _print(found)
    if not found.judged.passed:
        raise typer.Exit(EXIT_FAILED)


def _one(code: list[str] | None) -> ShownCode:
    if not code and sys.stdin.isatty():
        raise UsageError("name a code: a text, a picture, a file, or - for standard input")
    found = shown(code or [STDIN], sys.stdin.buffer)
    one = next(found, None)
    if one is None:
        raise UsageError("nothing to inspect: no code was given")
    if next(found, None) is not None:
        raise UsageError("one code at a time; `kapok verify` takes many")
    return one


def _print(report: CodeReport) -> None:
    console = Console(markup=False, highlight=False)
    console.print(Text(f"{printable(report.judged.shown.name, MAX_NAME_CHARS)}: {verdict(report)}"))
    for remark in remarks(report.judged):
        console.print(Text(remark))
    if report.anatomy.parts:
        console.print(_parts(report.anatomy.parts))
    _print_claims(console, report)
    for step in report.steps:
        _print_step(console, step)
    if report.judged.decision.reason is None:
        console.print(" ".join(report.judged.sentences().values()))


def _parts(parts: Iterable[EnvelopePart]) -> Table:
    table = Table("part", "bytes", title="envelope")
    table.add_column("hex", overflow="fold", ratio=2)
    table.add_column("meaning", overflow="fold", ratio=1)
    for part in parts:
        whole = part.data.hex()
        hexadecimal = whole[:MAX_HEX_CHARS] + ("…" if len(whole) > MAX_HEX_CHARS else "")
        size = str(len(part.data)) if part.data else ""
        table.add_row(*map(Text, (part.name, size, hexadecimal, part.meaning)))
    return table


def _print_claims(console: Console, report: CodeReport) -> None:
    state = (
        "every signature holds" if report.verified else "UNVERIFIED: anybody may have written it"
    )
    style = None if report.verified else "bold red"
    for title, claims in (("claims", report.anatomy.claims), ("proof", report.anatomy.proof)):
        if claims:
            console.print(Text(f"{title} ({state})", style=style or ""))
            console.print(_claims(claims), style=style)


def _claims(claims: Iterable[Claim]) -> Table:
    table = Table("label", "claim")
    table.add_column("value", overflow="fold")
    for claim in claims:
        table.add_row(*map(Text, (claim.label, claim.name, claim.value)))
    return table


def _print_step(console: Console, step: StepReport) -> None:
    head = f"({step.number}) {step.step.value}: {step.question}"
    console.print(
        Text.assemble(head, "  ", (step.answer, _STYLES.get(step.answer, "dim"))), soft_wrap=True
    )
    for detail in step.details:
        console.print(Text(f"      {detail}"), soft_wrap=True)

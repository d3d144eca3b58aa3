"""`kapok person …`: what is kept of one person, shown or erased (docs/privacy.md)."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from deploy.cli import colour
from deploy.cli.data_option import Data
from deploy.cli.house import Person, with_operator
from deploy.local import subjects
from deploy.local.errors import UsageError
from verifier.contract.proposal import ERASURE_REASONS, ProposalKind
from verifier.contract.subject import IdentityCheck, SubjectReason

Index = Annotated[int | None, typer.Option("--person", min=0, help="The person index.")]
Reference = Annotated[
    str | None, typer.Option(help="The reference, kept nowhere; `-` reads a line of it.")
]
Reason = Annotated[SubjectReason, typer.Option(help="Why; it is written down.")]
REASONS = tuple(sorted(ERASURE_REASONS))
_WIDE = 200
"""Columns of a table that no terminal bounds: a pipe or a file."""


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="What is kept of one person.")
    group.command()(show)
    group.command()(erase)
    group.command()(approve)
    group.command()(colour.reject)
    group.command("list")(colour.list_proposals)
    app.add_typer(group, name="person")


def show(
    *,
    reference: Reference = None,
    index: Index = None,
    reason: Reason,
    person: Person,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: Data = None,
) -> None:
    """Show all that is kept of a person: planes, credentials, records that carry the day's hash."""
    who = _who(reference, index)
    found = with_operator(data, person, lambda doors: subjects.show(doors, who, reason))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode({**found.kept, "records": found.records}))
        sys.stdout.buffer.write(b"\n")
        return
    _print_kept(found.kept)
    _print_records(found.records)


def erase(
    *,
    reference: Reference = None,
    index: Index = None,
    reason: Annotated[str, typer.Option(help=f"Why: {', '.join(REASONS)}.")],
    identity: Annotated[IdentityCheck, typer.Option(help="How it was made sure who asks.")],
    text: Annotated[
        str, typer.Option(help="What the words do not say; no names.")
    ] = "as the person asked",
    person: Person,
    data: Data = None,
) -> None:
    """Propose to erase a person; another operator approves it, and a day later it is done."""
    if reason not in REASONS:
        raise UsageError(f"a reason is {', '.join(REASONS)}")
    who = _who(reference, index)
    kind = ProposalKind.ERASURE
    body = {"kind": kind, "reason": reason, "identity": identity, "text": text, **who}
    made = with_operator(data, person, lambda doors: doors.issuing("/v1/proposals", body))
    typer.echo(f"{made['id']} {made['state']}: {made['subject']} is to be erased for good")
    typer.echo("another operator approves it: kapok person approve <id> --as …")


def approve(proposal: colour.Id, *, person: Person, data: Data = None) -> None:
    """Approve an erasure that somebody else proposed; it is done a day later."""
    path = f"/v1/proposals/{proposal}/approve"
    made = with_operator(data, person, lambda doors: doors.issuing(path, method="POST"))
    typer.echo(f"{made['id']} {made['state']}: {made['subject']}")
    if made["due"]:
        due = _clock(made["due"])
        typer.echo(f"until {due} UTC it can be taken back: kapok person reject <id> --as …")


def _who(reference: str | None, index: int | None) -> dict[str, Any]:
    if (index is None) == (reference is None):
        raise UsageError("say who: --reference or --person")
    if reference == "-":  # not seen in a list of processes, nor kept in a shell's history
        reference = sys.stdin.readline().strip()
    return {"person": index} if reference is None else {"reference": reference}


def _print_kept(kept: dict[str, Any]) -> None:
    typer.echo(f"person {kept['person']} of list {kept['list']}")
    typer.echo(f"colour {kept['colour'] or '- (there is no health plane)'}")
    for plane, value in sorted(kept["planes"].items()):
        origin = kept.get("origins", {}).get(plane) or "not noted"
        typer.echo(f"plane {plane}: value {value}, from {origin}")
    for hold in kept.get("holds", ()):
        typer.echo(_hold(hold))
    for row in kept["credentials"]:
        state = "revoked" if row["revoked"] else "valid"
        until = _clock(row["expires"] * 1000)
        typer.echo(f"credential {row['credential']}: {row['form']}, until {until} UTC, {state}")
    if kept["carries"]:
        typer.echo(f"carries the codes of {kept['carries']} others")


def _hold(hold: dict[str, Any]) -> str:
    until = "two people end it" if hold["until"] is None else _clock(hold["until"] * 1000) + " UTC"
    text = (
        f"plane {hold['plane']}: held against feeds until {until}; decided by"
        f" {' and '.join(hold['by'])} on {_clock(hold['at'] * 1000)} UTC ({hold['reason']},"
        f" proposal {hold['proposal']})"
    )
    return text if hold["feed_says"] is None else f"{text}; a feed says {hold['feed_says']}"


def _print_records(found: dict[str, Any]) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("at (UTC)", "place", "gate", "", "decision", "reason", "amended"):
        table.add_column(name, no_wrap=True)
    for row in found["records"]:
        table.add_row(
            *(_clock(row["at"]), row["place"], row["gate"], row["direction"], row["decision"]),
            *(row.get("reason", ""), row.get("amended", "")),
        )
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=_WIDE)
    if found["records"]:
        console.print(table)
    console.print(f"{len(found['records'])} records in {len(found['days'])} days")
    if found["more"]:
        console.print("there are more; the newest are left out")
    if found["days_without_key"]:
        console.print(f"not searchable, key gone: {', '.join(found['days_without_key'])}")


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")

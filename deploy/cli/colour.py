"""`kapok colour …`: a colour by hand, by two people (docs/operators.md)."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from deploy.cli.data_option import Data
from deploy.cli.house import Person, with_operator
from deploy.local.doors import Doors
from deploy.local.errors import UsageError
from verifier.contract.proposal import (
    MAX_HOLD_HOURS,
    ProposalKind,
    ProposalReason,
    ProposalState,
    RejectReason,
)
from verifier.contract.vocabulary import Colour

Id = Annotated[str, typer.Argument(help="The proposal's id, as `list` shows it.")]
COLOURS = tuple(colour.name.lower() for colour in Colour)
_WIDE = 200
"""Columns of a table that no terminal bounds: a pipe or a file."""


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="A person's colour, changed by two people.")
    group.command()(propose)
    group.command()(approve)
    group.command()(reject)
    group.command("list")(list_proposals)
    app.add_typer(group, name="colour")


def propose(
    to: Annotated[str, typer.Argument(help=f"The colour: {', '.join(COLOURS)}.")],
    *,
    index: Annotated[
        int | None, typer.Option("--person", min=0, help="Whose: the person index.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Whose: the reference, kept nowhere; `-` reads a line of it.")
    ] = None,
    reason: Annotated[ProposalReason, typer.Option(help="Why, in one word.")],
    text: Annotated[str, typer.Option(help="What the word does not say; no names.")],
    hours: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_HOLD_HOURS,
            help="How long no feed may change it; 0: feeds go on; else until two people end it.",
        ),
    ] = None,
    person: Person,
    data: Data = None,
) -> None:
    """Propose a colour; another operator has a day to approve it."""
    if to not in COLOURS:
        raise UsageError(f"a colour is {', '.join(COLOURS)}")
    if (index is None) == (reference is None):
        raise UsageError("say whose: --person or --reference")
    if reference == "-":  # not seen in a list of processes, nor kept in a shell's history
        reference = sys.stdin.readline().strip()
    who = {"person": index} if reference is None else {"reference": reference}
    body: dict[str, Any] = {
        "kind": ProposalKind.COLOUR,
        "to": to,
        "reason": reason,
        "text": text,
        "hours": hours,
        **who,
    }
    made = with_operator(data, person, lambda doors: doors.issuing("/v1/proposals", body))
    _say(made)


def approve(proposal: Id, *, person: Person, data: Data = None) -> None:
    """Approve what somebody else proposed: it is done before this returns."""
    path = f"/v1/proposals/{proposal}/approve"
    _say(with_operator(data, person, lambda doors: doors.issuing(path, method="POST")))


def reject(
    proposal: Id,
    *,
    reason: Annotated[
        RejectReason, typer.Option(help="Why not; `withdrawn` takes back one's own.")
    ],
    person: Person,
    data: Data = None,
) -> None:
    """Reject what somebody else proposed, or take back one's own."""
    path, body = f"/v1/proposals/{proposal}/reject", {"reason": reason}
    _say(with_operator(data, person, lambda doors: doors.issuing(path, body)))


def list_proposals(
    *,
    state: Annotated[ProposalState | None, typer.Option(help="Only those in a state.")] = None,
    person: Person,
    data: Data = None,
) -> None:
    """Show the newest proposals."""

    async def ask(doors: Doors) -> list[dict[str, Any]]:
        page = await doors.issuing("/v1/proposals?limit=1000")
        found: list[dict[str, Any]] = page["proposals"]
        return [each for each in found if state in (None, each["state"])]

    _table(with_operator(data, person, ask))


def _say(proposal: dict[str, Any]) -> None:
    change = f"{proposal['before']} -> {proposal['after']}"
    typer.echo(f"{proposal['id']} {proposal['state']}: {proposal['subject']} {change}")


def _table(proposals: Sequence[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("id", "state", "who", "from", "to", "reason", "text", "by", "at (UTC)", "decided"):
        table.add_column(name, no_wrap=name not in ("text", "id"), overflow="fold")
    for each in proposals:
        table.add_row(
            *(each["id"], each["state"], each["subject"], each["before"], each["after"]),
            *(each["reason"], each["text"], each["proposed_by"], _clock(each["proposed_at"])),
            f"{each['decided_by']} {_clock(each['decided_at'])}" if each["decided_at"] else "",
        )
    # What was typed at a door is text here, never markup.
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=_WIDE)
    console.print(table)


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%m-%d %H:%M")

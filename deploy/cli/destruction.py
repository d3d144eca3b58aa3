"""`kapok destruction …`: the end of a plane, and its certificate (docs/destruction.md)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import colour
from deploy.cli.data_option import Data, data_folder
from deploy.cli.house import Person, with_operator
from deploy.inspection.certificate import read_certificate, remains
from deploy.local.errors import EXIT_FAILED, UsageError
from verifier.contract.proposal import DESTRUCTION_REASONS, ProposalKind
from verifier.contract.vocabulary import Plane

PLANES = tuple(plane.value for plane in Plane if plane is not Plane.REVOCATION)
REASONS = tuple(sorted(DESTRUCTION_REASONS))


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="The end of a person plane, by two people.")
    group.command()(propose)
    group.command()(colour.approve)
    group.command()(colour.reject)
    group.command("list")(colour.list_proposals)
    group.command()(verify)
    app.add_typer(group, name="destruction")


def propose(
    plane: Annotated[str, typer.Argument(help=f"Which: {', '.join(PLANES)}.")],
    *,
    reason: Annotated[str, typer.Option(help=f"Why: {', '.join(REASONS)}.")],
    text: Annotated[str, typer.Option(help="What everybody may read in the certificate.")],
    person: Person,
    data: Data = None,
) -> None:
    """Propose to destroy a plane for good; another operator has a day to approve it."""
    if plane not in PLANES:
        raise UsageError(f"a plane that can end is {', '.join(PLANES)}")
    if reason not in REASONS:
        raise UsageError(f"a reason is {', '.join(REASONS)}")
    body = {"kind": ProposalKind.DESTRUCTION, "plane": plane, "reason": reason, "text": text}
    made = with_operator(data, person, lambda doors: doors.issuing("/v1/proposals", body))
    typer.echo(f"{made['id']} {made['state']}: {made['subject']} is to be destroyed for good")


def verify(
    file: Annotated[Path, typer.Argument(help="The certificate: <data>/destructions/….cbor.")],
    *,
    search: Annotated[
        bool, typer.Option(help="Search the data folder for what is left of the plane.")
    ] = True,
    data: Data = None,
) -> None:
    """Check a certificate's signature, and that nothing of its plane is left: exit 1 if not."""
    folder = data_folder(data)
    document, notes = read_certificate(file, folder)
    for note in notes:
        typer.echo(f"kapok: {note}", err=True)
    typer.echo(
        f"plane {document.plane} of list {document.list}, issuer {document.iss}:"
        f" destroyed {_moment(document.began)} to {_moment(document.iat)}"
    )
    typer.echo(f"by {' and '.join(document.by)}: {document.reason} (proposal {document.order})")
    counts = ", ".join(f"{times:,} of value {value}" for value, times in document.counts.items())
    typer.echo(f"{document.size:,} values: {counts}; last version {document.last}")
    typer.echo("the signature holds")
    if not search:
        return
    left = list(remains(folder, document))
    for path in left:
        typer.echo(f"still holds something of the plane: {path}")
    if left:
        raise typer.Exit(EXIT_FAILED)
    typer.echo(f"nothing of the plane was found in {folder}")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

"""Options of the commands that judge codes: by whose keys, as at which place, when."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.inspection.judgement import JudgementBasis
from deploy.inspection.options import knowing, moment, place_of_house, read_place
from deploy.local.clone import clone_folder
from deploy.local.errors import UsageError
from deploy.local.placement import default_data

Trusted = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        help="A running house's data folder, or a file or folder of keys: key sets (JWKS), "
        "lists of signers, certificates. Without it, the house on this machine.",
    ),
]
PlaceName = Annotated[
    str | None,
    typer.Option("--place", help="Judge as at this place of the house, by its id: gz-hall-01."),
]
ProfileFile = Annotated[
    Path | None,
    typer.Option("--profile", help="Judge as at a place that asks what this file says (TOML)."),
]
RulesFolder = Annotated[
    Path | None,
    typer.Option("--rules", help="A folder of rules as <data>/rules, which the profile asks."),
]
At = Annotated[
    str | None,
    typer.Option("--at", help="Judge as at this moment: 2026-11-24T08:30Z; without it, now."),
]


def asked_by(
    *,
    trust: Path | None,
    data: Path | None,
    place: str | None,
    profile: Path | None,
    at: str | None,
    rules: Path | None = None,
) -> JudgementBasis:
    """Gather what a code is judged by; what was left out is said on standard error."""
    if place is not None and profile is not None:
        raise UsageError("--place and --profile name the same thing; give one of them")
    if trust is not None and data is not None:
        raise UsageError("--trust and --data name the same thing; give one of them")
    asked_at, asks = moment(at), read_place(profile, rules)
    source = trust or data or default_data(clone_folder())
    found = knowing(source, place if asks is None else asks.profile.place)
    if place is not None:
        asks = place_of_house(found.known, place, source)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for note in found.notes:
        errors.print(f"kapok: {note}", style="dim")
    return JudgementBasis(known=found.known, profile=asks, at=asked_at)

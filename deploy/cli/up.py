"""`kapok up`: the whole house on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.local.account import children_account
from deploy.local.clone import clone_folder
from deploy.local.disk_errors import unusable
from deploy.local.errors import LocalError
from deploy.local.house import Ports
from deploy.local.launch import MAX_WORKERS, plan_up, run_up
from deploy.local.lists import MAX_PEOPLE

Port = Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(  # noqa: PLR0913 - each option is one
    *,
    data: Annotated[
        Path | None, typer.Option(help="Data folder; made when missing, found again later.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=MAX_WORKERS, help="Scan workers; one for each core.")
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_PEOPLE, help="Of the city; a list keeps its first size."),
    ] = None,
    verifier_port: Port = 0,
    verifier_tls_port: Port = 0,
    issuing_port: Port = 0,
    fleet_port: Port = 0,
    mqtt_port: Port = 0,
    mqtt_service_port: Port = 0,
    archive_port: Port = 0,
    feeds_port: Port = 0,
) -> None:
    """Start everything on this machine and show it; Ctrl-C stops everything."""
    ports = Ports(
        verifier=verifier_port,
        verifier_tls=verifier_tls_port,
        issuing=issuing_port,
        fleet=fleet_port,
        mqtt=mqtt_port,
        mqtt_service=mqtt_service_port,
        archive=archive_port,
        feeds=feeds_port,
    )
    try:
        plan = plan_up(clone_folder(), data=data, ports=ports, workers=workers, people=people)
    except OSError as error:
        raise LocalError(unusable(data or Path("/"), error)) from error
    run_up(plan, children_account())

"""`kapok demo`: codes shown to the running terminals; exit 0 only when every row is right."""

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from deploy.cli.house import Data, with_doors
from deploy.demo.play import play
from deploy.demo.stage import Row
from deploy.local.errors import EXIT_FAILED


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(*, data: Data = None) -> None:
    """Show codes to the terminals of the running house and check what they decide."""
    console = Console()
    stage = with_doors(
        data, lambda doors: play(doors, lambda text: console.print(f"… {text}", style="dim"))
    )
    table = Table("code", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("terminal", "decision", "reason", "ms", "how", "right"):
        table.add_column(name, no_wrap=True, justify="right" if name == "ms" else "left")
    for row in stage.rows:
        table.add_row(*_cells(row), style=None if row.right else "bold red")
    console.print(table)
    wrong = sum(not row.right for row in stage.rows)
    console.print(f"{len(stage.rows) - wrong} of {len(stage.rows)} as they must be")
    if wrong:
        raise typer.Exit(EXIT_FAILED)


def _cells(row: Row) -> tuple[str, ...]:
    how = {True: "online", False: "offline", None: ""}[row.online]
    spent = "" if row.milliseconds is None else f"{row.milliseconds:.0f}"
    verdict = "yes" if row.right else f"NO: {row.wanted}"
    return row.what, row.where, row.decision, row.reason, spent, how, verdict

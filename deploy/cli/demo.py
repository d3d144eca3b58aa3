"""`kapok demo`: codes shown to the running terminals; exit 0 only when every row is right."""

import time

import typer
from rich.console import Console

from deploy.cli.data_option import Data
from deploy.cli.house import with_doors
from deploy.demo import words
from deploy.demo.play import play
from deploy.demo.sheet import Sheet
from deploy.demo.stage import Stage
from deploy.local.errors import EXIT_FAILED
from deploy.words.language import own_language


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(*, data: Data = None) -> None:
    """Show codes to the terminals of the running house and check what they decide."""
    console, language, begun = Console(), own_language(), time.monotonic()
    sheet = Sheet(console, language)
    stage = with_doors(data, lambda doors: play(Stage(doors, sheet.show), sheet.say))
    right = sum(row.right for row in stage.rows)
    seconds = time.monotonic() - begun
    console.print(words.summary(right, len(stage.rows), seconds, language), highlight=False)
    if right < len(stage.rows):
        raise typer.Exit(EXIT_FAILED)

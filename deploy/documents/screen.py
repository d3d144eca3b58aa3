"""A screen of a terminal as SVG: what `tmux capture-pane -e` prints goes in, a picture comes out.

    python -m deploy.documents.screen TITLE < captured > docs/pictures/up.svg

How the kept picture was made stands in docs/pictures/README.md. It shows a moment, so it is not
made again by `.ci/generated`.
"""

import io
import re
import sys
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def picture(captured: str, title: str) -> str:
    """Return the SVG of a screen, as wide as its longest line; its fonts are the reader's own."""
    lines = [Text.from_ansi(line) for line in captured.rstrip("\n").split("\n")]
    width = max(line.cell_len for line in lines)
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(line, no_wrap=True, crop=False, highlight=False)
    drawn = console.export_svg(title=title, theme=MONOKAI, unique_id="screen")
    drawn = _FONTS.sub("", drawn).replace("Fira Code", "DejaVu Sans Mono")
    return "\n".join(line.rstrip() for line in drawn.split("\n")) + "\n"


if __name__ == "__main__":
    sys.stdout.write(picture(sys.stdin.read(), sys.argv[1]))

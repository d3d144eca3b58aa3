"""`python -m deploy.documents`: make the picture of the house and the diagrams of states again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.documents import picture, states

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"


def made(docs: Path = DOCS) -> Mapping[Path, str]:
    """Return each file that is made, and its text."""
    described = (docs / "pictures" / "architecture.toml").read_text(encoding="utf-8")
    return {
        docs / "pictures" / "architecture.svg": picture.draw(described),
        docs / "states.md": states.page(),
    }


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")

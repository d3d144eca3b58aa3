"""The pages for a newcomer: what they name is there, and thirteen questions are answered."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from verifier.contract.vocabulary import Sector

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PAGES: Final = (
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("architecture", "states", "adding-a-sector")),
)
PAGE: Final = (DOCS / "architecture.md").read_text(encoding="utf-8")
WHERE: Final = dict(
    re.findall(r"^\| ([^|]+\?) \| (.+) \|$", PAGE.partition("## Where is")[2], re.MULTILINE)
)
"""Question -> where the answer is."""
TEXT: Final = "".join(page.read_text(encoding="utf-8") for page in PAGES)
PLACES: Final = sorted(set(re.findall(r"`([\w/]+\.(?:py|lua):[\w.]+)`", TEXT)))
"""Every `file:name` of these pages."""
NAMING_SECTORS: Final = ("cc1.md", "bundles.md")
THIRTEEN: Final = (
    "proof become stale",
    "reason's sentence",
    "the centre is gone",
    "gate open once",
    "format added",
    "late upload judged",
    "pass once per scope",
    "31 days",
    "which key",
    "two persons",
    "bulk line",
    "colour published",
    "sector added",
)
"""What a newcomer asks first."""


def names(path: Path) -> set[str]:
    """Return what a file defines: names, and members of classes behind a dot."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".lua":
        return set(re.findall(r"^local function (\w+)", text, re.MULTILINE))
    found: set[str] = set()
    for node in ast.parse(text).body:
        own = _defined(node)
        found |= own
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for each in node.body for name in _defined(each)}
    return found


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return set()


def links(page: Path) -> list[str]:
    """Return the files that a page links to."""
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("place", PLACES)
def test_each_place_exists(place: str) -> None:
    """The file is there and defines the name."""
    file, _, name = place.partition(":")
    assert name in names(ROOT / file)


def test_a_place_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    """Names of the file count, names that it merely uses do not."""
    path = tmp_path / "a.py"
    path.write_text("from x import b\n\n\nclass C:\n    d: int = 1\n\n\nE: int = b\n")
    assert names(path) == {"C", "C.d", "E"}


@pytest.mark.parametrize("asked", THIRTEEN)
def test_each_question_is_answered(asked: str) -> None:
    """In one row, with a place in the code or a page that is there."""
    (row,) = [where for question, where in WHERE.items() if asked in question]
    pages = re.findall(r"\]\(([^)#]+)\)", row)
    assert any(place in row for place in PLACES) or pages
    assert all((DOCS / page).is_file() for page in pages)


def test_the_readme_leads_there() -> None:
    """README, this page, the file: three steps."""
    assert "docs/architecture.md" in links(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of this repository."""
    assert [to for to in links(page) if not (page.parent / to).resolve().exists()] == []


def test_the_readme_leads_to_every_document() -> None:
    """A page that nobody is led to is not read."""
    linked = {(ROOT / to).resolve() for to in links(ROOT / "README.md")}
    linked |= {(DOCS / to).resolve() for to in links(DOCS / "architecture.md")}
    assert {page.name for page in DOCS.glob("*.md") if page.resolve() not in linked} == set()


@pytest.mark.parametrize("sector", Sector)
def test_every_sector_is_described(sector: Sector) -> None:
    """Its number where codes are, its name where profiles are, its word among the words."""
    name = sector.name.lower()
    codes, profiles = ((DOCS / page).read_text(encoding="utf-8") for page in NAMING_SECTORS)
    assert re.search(rf"^sector = .*\b{int(sector)} {name}\b", codes, re.MULTILINE)
    assert re.search(rf'^\| sector \| .*"{name}"', profiles, re.MULTILINE)
    assert re.search(rf"^\| sector \| .*\b{name} \w", PAGE, re.MULTILINE)


def test_the_licence_is_named_where_it_is_looked_for() -> None:
    """The package and the README name the text that is kept."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text.splitlines()[1]
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "LICENSE" in links(ROOT / "README.md")

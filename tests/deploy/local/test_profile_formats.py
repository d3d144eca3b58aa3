"""Schema 3: profiles of a folder of before say which formats they mean."""

from pathlib import Path
from typing import Final

import pytest

from deploy.local.migrations import migrate
from verifier.policy.profiles import read_profile, resolve

NO_RULES: Final = """# A hall.
place = "hall-1"
stance = "closed"
formats = ["CC1", "HC1"]  # foreigners too
static = true
colours = ["green"]
"""
RULES: Final = """place = "hall-1"
stance = "closed"
formats = ["CC1", "HC1"]
colours = ["green"]
review_colours = ["yellow"]
[use]
scope = "place"
once_for = 60
[rules]
country = "AT"
"""
CARDS: Final = """place = "hall-1"
stance = "closed"
formats = ["SHC"]
static = true
colours = ["green"]
rules = { country = "AT" }
"""
CITY: Final = """place = "hall-1"
stance = "closed"
formats = ["CC1"]
static = true
colours = ["green"]
"""


def migrated(folder: Path, text: str) -> str:
    """Migrate a folder with one profile, and return what became of it."""
    (folder / "profiles").mkdir()
    (folder / "profiles" / "hall-1.toml").write_text(text)
    (folder / "SCHEMA").write_text("2\n")
    migrate(folder, 2, lambda _: None)
    return (folder / "profiles" / "hall-1.toml").read_text()


@pytest.mark.parametrize(
    ("text", "formats", "static", "colours"),
    [
        (NO_RULES, ("CC1",), {"CC1"}, {1}),
        (RULES, ("CC1", "HC1"), {"HC1"}, {1}),
        (CARDS, ("SHC",), {"SHC"}, set()),
    ],
    ids=["without rules", "with rules", "of cards alone"],
)
def test_a_profile_says_what_it_meant(
    tmp_path: Path, text: str, formats: tuple[str, ...], static: set[str], colours: set[int]
) -> None:
    """It is taken again; what nobody asked anything of is taken no longer, and the file says so."""
    after = migrated(tmp_path, text)
    found = resolve(read_profile(after.encode()), 1)
    assert found.profile.formats == formats
    assert (found.static, found.passing) == (static, colours)
    assert ("HC1" in after) is ("HC1" in text), "what was taken out is named"


@pytest.mark.parametrize(
    "text",
    [CITY, NO_RULES.replace('["CC1", "HC1"]', '["HC1"]'), "place =\n", 'place = "x"\n'],
    ids=["city codes only", "certificates only, without rules", "not TOML", "no profile"],
)
def test_what_means_what_it_meant_or_nothing_stays(tmp_path: Path, text: str) -> None:
    """Publishing takes the one, and names what is wrong with the others."""
    assert migrated(tmp_path, text) == text

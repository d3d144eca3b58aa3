"""Profiles are checked together, as a gate takes them, and what is wrong is named by its file."""

import json
from pathlib import Path

import pytest

from tests.support.foreign import rule
from verifier.errors import ProfileError
from verifier.service.issuing.bundles.sources import read_sources

AT = 1_700_000_000
METRO = """
place = "{place}"
stance = "closed"
formats = ["CC1"]
[use]
scope = "zone:metro"
once_for = {once_for}
"""
BORDER = """
place = "border-1"
stance = "closed"
formats = ["SHC"]
{more}
"""
RULES = 'static = ["SHC"]\nrules = { country = "XX" }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folders of the sources."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "rules").mkdir()
    return tmp_path


def refusal(folder: Path) -> str:
    """Return what is said of the sources."""
    with pytest.raises(ProfileError) as refused:
        read_sources(folder / "profiles", folder / "rules", issued_at=AT, expires=AT + 60)
    return str(refused.value)


def test_two_places_of_one_zone_with_different_times(folder: Path) -> None:
    """Both files are named: who is right is the administrator's to say."""
    for name, once_for in (("line-1", 60), ("line-2", 3600)):
        text = METRO.format(place=f"metro-{name}", once_for=once_for)
        (folder / "profiles" / f"{name}.toml").write_text(text)
    said = refusal(folder)
    assert said.startswith("line-1.toml, line-2.toml: use.once_for: ")
    assert "zone:metro" in said


def test_cards_without_rules(folder: Path) -> None:
    """None asked, none there, none that reads cards; then it is taken."""
    file = folder / "profiles" / "border-1.toml"
    file.write_text(BORDER.format(more=""))
    assert refusal(folder).startswith("border-1.toml: static: ")
    file.write_text(BORDER.format(more='static = ["SHC"]'))
    assert refusal(folder).startswith("border-1.toml: rules: ")
    file.write_text(BORDER.format(more=RULES))
    assert refusal(folder).startswith("border-1.toml: rules: ")
    (folder / "rules" / "a.json").write_text(rule(1, {"===": [1, 1]}))
    assert "border-1 takes SHC, and no valid rule of XX reads it" in refusal(folder)
    (folder / "rules" / "b.json").write_text(rule(2, {"===": [1, 1]}, Format="SHC"))
    found = read_sources(folder / "profiles", folder / "rules", issued_at=AT, expires=AT + 60)
    assert [json.loads(text).get("Format") for text in found.rules] == [None, "SHC"]

"""Profiles are checked together, as a gate takes them, and what is wrong is named by its file."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
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


PLACE: Final = """
place = "border-1"
stance = "closed"
formats = ["HC1"]
static = ["HC1"]
rules = { country = "XX" }
"""
GATEWAY: Final = {
    "valueSetId": "vaccines-covid-19-names",
    "valueSetDate": "2021-04-27",
    "valueSetValues": {
        "EU/1/20/1528": {"display": "A", "lang": "en", "active": True, "system": "s"},
        "Old": {"display": "B", "lang": "en", "active": False, "system": "s", "version": ""},
    },
}
GOOD: Final = rule(1, {"===": [1, 1]})


@pytest.fixture
def border(tmp_path: Path) -> Path:
    """Make folders with one place and one good rule."""
    for name in ("profiles", "rules/valuesets", "rules/products"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "profiles" / "border-1.toml").write_text(PLACE)
    (tmp_path / "rules" / "a.json").write_text(GOOD)
    return tmp_path


def read(border: Path) -> Any:
    """Return what is published, or why nothing is."""
    try:
        found = read_sources(border / "profiles", border / "rules", issued_at=AT, expires=AT + 60)
    except ProfileError as error:
        return str(error)
    return msgspec.to_builtins(found)


def said(border: Path, member: str) -> Any:
    """Return a member of what is published; of a refusal its text."""
    found = read(border)
    return found if isinstance(found, str) else found.get(member)


def test_value_sets_of_the_gateway(border: Path) -> None:
    """One in a file or several, and our own form beside them; every code counts."""
    (border / "rules/valuesets/a.json").write_text(json.dumps(GATEWAY))
    other = GATEWAY | {"valueSetId": "country-2-codes"}
    (border / "rules/valuesets/b.json").write_text(json.dumps([other]))
    (border / "rules/valuesets/c.json").write_text('{"own": ["x"]}')
    codes = ("EU/1/20/1528", "Old")
    assert said(border, "value_sets") == {
        "vaccines-covid-19-names": codes,
        "country-2-codes": codes,
        "own": ("x",),
    }


@pytest.mark.parametrize("name", ["Hash", "hash"])
def test_rules_of_national_lists(border: Path, name: str) -> None:
    """They name each rule by a hash, and come as one list in a file."""
    listed = [json.loads(rule(n, {"===": [1, 1]})) | {name: "ab" * 32} for n in (2, 3)]
    (border / "rules/b.json").write_text(json.dumps(listed))
    found = said(border, "rules")
    assert [json.loads(text)["Identifier"] for text in found] == [
        f"GR-XX-000{n}" for n in (1, 2, 3)
    ]


WRONG: Final = {
    "rules/b.json": "not JSON",
    "rules/c.json": rule(4, {"no such": []}),
    "rules/d.json": GOOD,
    "rules/valuesets/b.json": "[1]",
    "rules/valuesets/c.json": '{"own": ["y"]}',
    "rules/products/b.json": '{"date": "soon", "products": {}}',
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_spoils_only_itself(border: Path, name: str) -> None:
    """Everything else is published; a second rule of one id and a set of two meanings are wrong."""
    (border / "rules/valuesets/a.json").write_text('{"own": ["x"]}')
    (border / name).write_text(WRONG[name])
    assert said(border, "rules") == (GOOD,)
    assert said(border, "value_sets") == {"own": ("x",)}


def test_a_byte_order_mark_is_passed_over(border: Path) -> None:
    """Editors of some systems write one."""
    mark = b"\xef\xbb\xbf"
    (border / "rules/a.json").write_bytes(mark + GOOD.encode())
    (border / "rules/valuesets/a.json").write_bytes(mark + b'{"own": ["x"]}')
    assert (said(border, "rules"), said(border, "value_sets")) == ((GOOD,), {"own": ("x",)})


def test_products_keep_every_id(border: Path) -> None:
    """What a later list leaves out counts for doses given until that list's day."""
    old = {"date": "2024-01-01", "products": {"A1": {"diseases": ["1D47"]}}}
    new = {"date": "2026-04-16", "products": {"A2": {"diseases": ["1D47"], "since": "2026-01-01"}}}
    (border / "rules/products/new.json").write_text(json.dumps(new))
    (border / "rules/products/old.json").write_text(json.dumps(old))
    assert said(border, "products") == {
        "date": "2026-04-16",
        "products": {
            "A1": {"diseases": ("1D47",), "since": None, "until": "2026-04-16"},
            "A2": {"diseases": ("1D47",), "since": "2026-01-01", "until": None},
        },
    }

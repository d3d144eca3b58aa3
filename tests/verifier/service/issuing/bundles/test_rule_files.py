"""The folder of rules: forms that publishers use, and files that are wrong."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.support.foreign import rule
from verifier.errors import ProfileError
from verifier.service.issuing.bundles.sources import read_sources

AT: Final = 1_700_000_000
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
def folder(tmp_path: Path) -> Path:
    """Make folders with one place and one good rule."""
    for name in ("profiles", "rules/valuesets", "rules/products"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "profiles" / "border-1.toml").write_text(PLACE)
    (tmp_path / "rules" / "a.json").write_text(GOOD)
    return tmp_path


def read(folder: Path) -> Any:
    """Return what is published, or why nothing is."""
    try:
        found = read_sources(folder / "profiles", folder / "rules", issued_at=AT, expires=AT + 60)
    except ProfileError as error:
        return str(error)
    return msgspec.to_builtins(found)


def said(folder: Path, member: str) -> Any:
    """Return a member of what is published; of a refusal its text."""
    found = read(folder)
    return found if isinstance(found, str) else found.get(member)


def test_value_sets_of_the_gateway(folder: Path) -> None:
    """One in a file or several, and our own form beside them; every code counts."""
    (folder / "rules/valuesets/a.json").write_text(json.dumps(GATEWAY))
    other = GATEWAY | {"valueSetId": "country-2-codes"}
    (folder / "rules/valuesets/b.json").write_text(json.dumps([other]))
    (folder / "rules/valuesets/c.json").write_text('{"own": ["x"]}')
    codes = ("EU/1/20/1528", "Old")
    assert said(folder, "value_sets") == {
        "vaccines-covid-19-names": codes,
        "country-2-codes": codes,
        "own": ("x",),
    }


@pytest.mark.parametrize("name", ["Hash", "hash"])
def test_rules_of_national_lists(folder: Path, name: str) -> None:
    """They name each rule by a hash, and come as one list in a file."""
    listed = [json.loads(rule(n, {"===": [1, 1]})) | {name: "ab" * 32} for n in (2, 3)]
    (folder / "rules/b.json").write_text(json.dumps(listed))
    found = said(folder, "rules")
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
def test_a_wrong_file_spoils_only_itself(folder: Path, name: str) -> None:
    """Everything else is published; a second rule of one id and a set of two meanings are wrong."""
    (folder / "rules/valuesets/a.json").write_text('{"own": ["x"]}')
    (folder / name).write_text(WRONG[name])
    assert said(folder, "rules") == (GOOD,)
    assert said(folder, "value_sets") == {"own": ("x",)}


def test_products_keep_every_id(folder: Path) -> None:
    """What a later list leaves out counts for doses given until that list's day."""
    old = {"date": "2024-01-01", "products": {"A1": {"diseases": ["1D47"]}}}
    new = {"date": "2026-04-16", "products": {"A2": {"diseases": ["1D47"], "since": "2026-01-01"}}}
    (folder / "rules/products/new.json").write_text(json.dumps(new))
    (folder / "rules/products/old.json").write_text(json.dumps(old))
    assert said(folder, "products") == {
        "date": "2026-04-16",
        "products": {
            "A1": {"diseases": ("1D47",), "since": None, "until": "2026-04-16"},
            "A2": {"diseases": ("1D47",), "since": "2026-01-01", "until": None},
        },
    }

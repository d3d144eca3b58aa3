"""The runbook has a row for everything that a house can say is wrong, and every metric it names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from deploy.status.advice import ADVICE
from verifier.feeds.freshness import Freshness

ROOT = Path(__file__).resolve().parents[1]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SERVICES = ("verifier/service", "fleet/service")
MADE = {
    "{}.refused": {"root.refused", "trust.refused", "profiles.refused", "cards.refused"},
    "source.{}": {f"source.{found}" for found in (Freshness.STALE, Freshness.NEVER)},
}
"""Codes that are put together: their pattern, and what it can be."""


def trees() -> Iterator[ast.Module]:
    """Parse every module of the services."""
    for folder in SERVICES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def codes() -> set[str]:
    """Return every code of a finding."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "Finding":
                given = next(word.value for word in node.keywords if word.arg == "code")
                found |= spelled(given)
            elif name == "_problem" and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def spelled(node: ast.expr) -> set[str]:
    """Return what an expression of a code can be."""
    match node:
        case ast.Constant(value=str(code)):
            return {code}
        case ast.IfExp(body=body, orelse=otherwise):
            return spelled(body) | spelled(otherwise)
        case ast.JoinedStr(values=values):
            pattern = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values
            )
            return MADE[pattern]
        case _:
            return set()  # handed on: it was made elsewhere


def test_every_code_of_a_finding_has_advice_and_a_row() -> None:
    """Whatever a process says of itself in `/readyz`."""
    found = codes()
    assert len(found) > 25
    assert not found - ADVICE.keys()


def test_every_piece_of_advice_has_a_row() -> None:
    """Also for what `kapok status` finds itself."""
    rows = {
        code
        for line in RUNBOOK.splitlines()
        if line.startswith("| `")
        for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", line.split("|")[1])
    }
    assert ADVICE.keys() == rows


def test_every_metric_of_the_alarms_is_counted() -> None:
    """By its name as Prometheus sees it."""
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in SERVICES
        for path in (ROOT / folder).rglob("metrics.py")
    )
    named = set(re.findall(r"`((?:verifier|fleet)_[a-z_]+)`", RUNBOOK))
    assert len(named) > 15
    assert {n for n in named if f'"{n.removesuffix("_total")}"' not in source} == set()


def test_every_key_has_its_row() -> None:
    """Each key of docs/keys.md is in the runbook's table of rotations."""
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8").partition("\n## ")[0]
    keys = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][1:]
    _, _, section = RUNBOOK.partition("\n## Keys\n")
    table = section.partition("\n## ")[0].lower()
    names = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| "))
    assert len(keys) > 10
    missing = [
        key
        for key in keys
        if key.lower().rstrip("s").replace("operators' api key", "operator's api key") not in names
    ]
    assert missing == []

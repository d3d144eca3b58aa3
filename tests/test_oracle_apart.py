"""The oracle stays independent: python-cwt only in its environment, and nothing of ours there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.house_rules import Module, imports, read
from tests.test_architecture import PLAN, ROOMS, ROOT

INSIDE: Final = ("tests/support/oracle_process.py", "tests/bench/peer_server.py")
"""What runs in the oracle's environment."""
PACKAGES: Final = frozenset({"cwt", "base45"})
"""Packages that are nowhere but there."""
OURS: Final = frozenset({*ROOMS, "tests", ""})
"""Import names of ours; the empty one is a relative import's."""


def violations(modules: tuple[Module, ...]) -> Iterator[str]:
    """Find uses of python-cwt outside its environment, and in it what comes from us."""
    for module in modules:
        found = {name.split(".")[0] for name in imports(module)}
        wrong = found & (OURS if module.path in INSIDE else PACKAGES)
        yield from (f"{module.path}: imports {name}" for name in wrong)


def test_the_oracle_is_apart() -> None:
    """No violation anywhere, and the files are where this rule looks for them."""
    modules = read(ROOT, PLAN)
    assert not list(violations(modules))
    assert {module.path for module in modules} >= set(INSIDE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tests/support/a.py", "from cwt import COSE"),
        ("verifier/a.py", "def f():\n    import base45"),
        (INSIDE[0], "import tests.support.keys"),
        (INSIDE[1], "from verifier.codes import base45"),
        (INSIDE[1], "from . import load"),
    ],
)
def test_a_planted_violation_is_caught(name: str, text: str, tmp_path: Path) -> None:
    """In a tree of its own, which holds one file."""
    planted = tmp_path / name
    planted.parent.mkdir(parents=True)
    planted.write_text(text, encoding="utf-8")
    assert [line.split(":")[0] for line in violations(read(tmp_path, PLAN))] == [name]

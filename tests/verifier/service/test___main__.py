"""`python -m verifier.service ROLE` imports that role, and no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verifier.service.__main__ import ROLES, WRONG_SETTINGS

CLONE = Path(__file__).resolve().parents[3]
CALL = """
import json, sys
from verifier.service.__main__ import main
sys.argv = ["verifier.service", sys.argv[1], "--settings", "/nonexistent"]
code = main()
print(json.dumps([code, sorted(sys.modules)]))
"""
EXTRA = "pyarrow"
"""Of the archive alone: another process runs where it is not installed."""


@pytest.mark.parametrize("role", ROLES)
def test_a_process_imports_its_own_role(role: str) -> None:
    """With settings that are not there: what it needs is imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, role],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CLONE), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        check=True,
    )
    code, modules = json.loads(done.stdout)
    assert code == WRONG_SETTINGS
    of_roles = {name.split(".")[2] for name in modules if name.startswith("verifier.service.")}
    assert of_roles & {*ROLES} == {role}
    assert (EXTRA in modules) <= (role == "archive")

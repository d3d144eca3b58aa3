"""Our own vectors: each is judged as it says, and the files are what their maker makes."""

import sys
from collections import Counter
from pathlib import Path
from subprocess import run

import pytest

from tests.support.vectors import FOLDER, judge, load, take_all, told, vectors
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Step

FILES = {
    f"{path.parent.name}/{path.stem}": path for f in ("accept", "reject") for path in vectors(f)
}
WITHOUT_A_VECTOR = {
    Reason.PICTURE_NONE,
    Reason.PICTURE_SEVERAL,
    Reason.PICTURE_PART,
    Reason.RULE_FAILED,
    *(Reason.PLACE_DOCUMENT, Reason.PLACE_LINK),
}
"""The reader's and the terminal's; what profiles do not carry yet; what only HC1 codes meet."""


@pytest.mark.parametrize("name", FILES)
def test_vector(name: str) -> None:
    """Outcome, reason, step and claims, or the cause that refuses a bundle."""
    vector = load(FILES[name])
    expect = vector["expect"]
    assert vector["id"] == name
    assert vector["why"]
    if "documents" in vector:
        cause, machine = take_all(vector)
        assert cause == expect["cause"]
        if "plane" in expect:
            assert machine.told() == expect["plane"]
        return
    found = judge(vector)
    assert (found.outcome, found.reason, found.step) == (
        expect["outcome"],
        expect["reason"],
        expect["step"],
    )
    if "claims" in expect:
        assert told(found) == expect["claims"]
    if "unsure" in expect:
        assert (found.unsure, found.steps) == (expect["unsure"], expect["steps"])


def test_every_reason_without_a_store_has_a_vector() -> None:
    """And both folders hold what their names say."""
    reasons: Counter[str] = Counter()
    for name, path in FILES.items():
        expect = load(path)["expect"]
        accepted = expect.get("outcome", "pass" if expect.get("cause") is None else "") == "pass"
        assert name.startswith("accept/") is accepted
        reasons[str(expect.get("reason"))] += 1
    of_the_steps = {reason for reason, row in REASONS.items() if row.step is not Step.USE}
    assert {r for r in of_the_steps if not reasons[r.value]} == WITHOUT_A_VECTOR


def test_the_files_are_what_their_maker_makes(tmp_path: Path) -> None:
    """Run from elsewhere, as a program, without the repository on its path."""
    made = run(
        [sys.executable, str(FOLDER / "make.py"), "--check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stdout) == (0, "")

"""Our own vectors: each is judged as it says, and the files are what their maker makes."""

import json
import sys
from collections import Counter
from pathlib import Path
from subprocess import run

import pytest

from tests.support.vectors import FOLDER, judge, load, told, vectors
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import find
from verifier.codes.shown import Sight, opens
from verifier.conform import bundles, codes
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Answer, Step
from verifier.decision import conclude

NO_MEMBERS = {"id", "why", "expect"}
"""What a vector says of itself, and not of its code."""
FILES = {
    f"{path.parent.name}/{path.stem}": path for f in ("accept", "reject") for path in vectors(f)
}
CODES = tuple(name for name, path in FILES.items() if "text" in load(path))
WITHOUT_A_VECTOR = {
    Reason.PICTURE_NONE,
    Reason.PICTURE_SEVERAL,
    Reason.PICTURE_PART,
    Reason.RULE_FAILED,
    *(Reason.PLACE_DOCUMENT, Reason.PLACE_LINK),
}
"""The reader's and the terminal's; what profiles do not carry yet; what only HC1 codes meet."""


def see(picture: bytes) -> Sight:
    """Read a picture as `kapok conform` does."""
    return find(read_picture(picture), opens)


@pytest.mark.parametrize("name", CODES)
def test_code(name: str) -> None:
    """Outcome, reason, step and claims, by a reader of its own."""
    vector = load(FILES[name])
    expect = vector["expect"]
    assert vector["id"] == name
    assert vector["why"]
    found = judge(vector)
    assert (found.outcome, conclude(found, Answer.UNASKED).reason, found.step) == (
        expect["outcome"],
        expect["reason"],
        expect["step"],
    )
    if "claims" in expect:
        assert told(found) == expect["claims"]
    if "unsure" in expect:
        assert (found.unsure, found.steps) == (expect["unsure"], expect["steps"])


@pytest.mark.parametrize("name", FILES)
def test_the_line_protocol_answers_every_vector(name: str) -> None:
    """A vector is a line of `kapok conform`: whoever writes another verifier compares both."""
    vector = load(FILES[name])
    members = {key: vector[key] for key in vector if key not in NO_MEMBERS}
    if "png" in members:
        del members["text"]
    line = json.dumps({"id": name} | members)
    if "documents" in vector:
        found = json.loads(bundles.conform_line(line.encode()))
        last = len(vector["documents"]) - 1
        assert found["document"] == (None if vector["expect"]["cause"] is None else last)
    else:
        found = json.loads(
            codes.conform_line(line.encode(), lambda png: find(read_picture(png), opens))
        )
    expect = vector["expect"]
    assert "error" not in found
    if "plane" in expect:
        found["plane"] = {key: found["plane"][key] for key in expect["plane"]}
    assert {key: found[key] for key in expect if key != "claims"} == {
        key: expect[key] for key in expect if key != "claims"
    }
    if "claims" in expect:
        assert (found["claims"] is None) is (expect["claims"] is None)


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

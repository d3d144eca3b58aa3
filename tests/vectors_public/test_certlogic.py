"""The public CertLogic suites: an assertion is a test, by name; what they skip stays skipped."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.public_vectors import FOLDER, agree, public_files
from verifier.policy import certlogic
from verifier.policy.rules import RuleVerdict, judge, read_rule

VECTORS = FOLDER / "certlogic"
MISSING = "no public vectors: ../shared/vectors/certlogic is missing"

EXPECTED_TO_DIFFER: dict[str, str] = {}
"""Assertion id to the reason why this product answers otherwise. None does."""


def load(path: Path) -> Any:
    """Read a JSON file of the suites."""
    return json.loads(path.read_text(encoding="utf-8"))


def evaluator_cases() -> list[Any]:
    """Return (logic, data, expected) of each assertion of the evaluator's suite."""
    found = []
    for path in public_files("certlogic/testSuite"):
        suite = load(path)
        for number, case in enumerate(suite["cases"]):
            for at, assertion in enumerate(case["assertions"]):
                directives = {part.get("directive") for part in (suite, case, assertion)}
                logic = assertion.get("certLogicExpression", case.get("certLogicExpression"))
                name = f"{path.stem}:{number}:{at}:{case['name']}"
                skip = [pytest.mark.skip(reason="skipped by the suite")]
                marks = skip if "skip" in directives else []
                values = (name, logic, assertion["data"], assertion["expected"])
                found.append(pytest.param(*values, id=name, marks=marks))
    return found


def validator_cases() -> list[Any]:
    """Return (logic, whether it is valid) of each case of the validator's suite."""
    return [
        pytest.param(case["certLogicExpression"], not case["issues"], id=f"{path.stem}:{number}")
        for path in public_files("certlogic/validation-testSuite")
        for number, case in enumerate(load(path)["cases"])
    ]


def rule_folders() -> list[Path]:
    """Return the folder of each published rule."""
    return [path.parent for path in public_files("certlogic/rules") if path.name == "rule.json"]


def rule_cases() -> list[Any]:
    """Return (rule file, test file) of each test of each published rule."""
    return [
        pytest.param(folder / "rule.json", test, id=f"{folder.name}:{test.stem}")
        for folder in rule_folders()
        for test in sorted((folder / "tests").glob("*.json"))
    ]


pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=MISSING)
NONE_FOUND = [pytest.param(*[None] * 4, id="missing")]


def alike(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal, types included."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.mark.parametrize(("name", "logic", "data", "expected"), evaluator_cases() or NONE_FOUND)
def test_evaluates(name: str, logic: Any, data: Any, expected: Any) -> None:
    """A rule has the value and type that the suite says; a line of the protocol says the same."""
    result = certlogic.evaluate(certlogic.compile(logic), data)
    agree("certlogic evaluator", name, alike(result, expected), True, EXPECTED_TO_DIFFER)
    line = json.dumps({"id": name, "logic": logic, "data": data}).encode()
    answer = json.loads(certlogic.conform_line(line))
    assert alike(answer, {"id": name, "result": result})


@pytest.mark.parametrize(
    ("logic", "valid"), validator_cases() or [pytest.param(None, None, id="missing")]
)
def test_validates(logic: Any, valid: bool) -> None:  # noqa: FBT001 - a column of the table
    """Exactly what the suite calls invalid does not compile."""
    try:
        certlogic.compile(logic)
        compiles = True
    except certlogic.LogicError:
        compiles = False
    agree("certlogic validator", str(logic), compiles, valid)


@pytest.mark.parametrize(("rule", "test"), rule_cases() or [pytest.param(None, None, id="missing")])
def test_published_rule(rule: Path, test: Path) -> None:
    """A published rule says of a document what its authors say it does."""
    case = load(test)
    verdict = judge(read_rule(rule.read_bytes()), case["payload"], case["external"]).verdict
    expected = RuleVerdict.PASSED if case["expected"] else RuleVerdict.FAILED
    agree("certlogic rules", f"{rule.parent.name} {test.stem}", verdict, expected)


def test_nothing_is_left_out() -> None:
    """Each suite and each rule has at least one test here, and no folder is empty."""
    assert evaluator_cases()
    assert validator_cases()
    assert rule_folders()
    for folder in rule_folders():
        assert list((folder / "tests").glob("*.json")), folder.name

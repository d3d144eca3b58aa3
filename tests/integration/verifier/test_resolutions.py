"""POST /v1/scans/{scan_id}/resolve: an operator closes a review, once, with a reason of a list."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.centre import (
    ADMIN_KEY,
    API_KEY,
    ONCE,
    Centre,
    centre,
    eventually,
    new_scan_id,
    shown,
)
from tests.support.keys import STATUS, STRANGER
from tests.support.operators import operator_token
from tests.support.uploads import decided, lines_of, upload
from tests.support.verifier_process import Answer
from verifier.contract.audit import verify
from verifier.contract.operator import MAX_TOKEN_S, SKEW_S, OperatorRole
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Outcome, Plane

YELLOW = range(100, 200)
persons = iter(YELLOW)
greens = count(1000)


@pytest.fixture(scope="module")
def hall() -> Iterator[Centre]:
    """Yield a centre whose place reviews yellow people."""
    with centre((dict(ONCE) | {"review_colours": ["yellow"]},)) as house:
        house.publish_plane(Plane.HEALTH, dict.fromkeys(YELLOW, int(Colour.YELLOW)), fill=1)
        house.worker()
        eventually(
            "the plane is followed",
            lambda: house.scan(shown(YELLOW[0])).body["decision"] == Outcome.REVIEW,
        )
        yield house


def reviewed(hall: Centre) -> tuple[str, str]:
    """Scan somebody yellow; returns the scan_id and the text."""
    scan_id, text = new_scan_id(), shown(next(persons))
    answer = hall.scan(text, scan_id=scan_id).body
    assert (answer["decision"], answer["reason"]) == (Outcome.REVIEW, Reason.STATUS_YELLOW)
    return scan_id, text


def resolve(
    hall: Centre,
    scan_id: str,
    decision: str = "pass",
    reason: str = "identity_checked",
    *,
    key: str | None = None,
    **more: Any,
) -> Answer:
    """Close a review."""
    body = {"decision": decision, "reason": reason} | more
    return hall.ask("POST", f"/v1/scans/{scan_id}/resolve", body, key=key or operator_token())


def metric(hall: Centre, decision: str, reason: str) -> float:
    """Read how many reviews were closed so."""
    text = hall.ask("GET", "/metrics", key=None).body.decode()
    name = (
        f'verifier_resolutions_total{{decision="{decision}",reason="{reason}",worker="worker-0"}}'
    )
    return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(name))


def test_a_review_is_closed_once(hall: Centre) -> None:
    """Asked again the answer is the same, another one is refused. A retry is told."""
    scan_id, text = reviewed(hall)
    before = metric(hall, "pass", "identity_checked")
    first, again = resolve(hall, scan_id), resolve(hall, scan_id)
    expected = {"scan_id": scan_id, "decision": "pass", "reason": "identity_checked"}
    assert first.status == again.status == 200
    assert first.body == again.body == expected
    assert metric(hall, "pass", "identity_checked") == before + 1
    other = resolve(hall, scan_id, "deny", "refused_by_staff")
    assert (other.status, other.body["code"]) == (409, "scan.resolved")
    told = hall.scan(text, scan_id=scan_id).body
    assert (told["decision"], told.get("reason")) == (Outcome.PASS, None)


def test_a_refusal_keeps_the_reason_of_the_review(hall: Centre) -> None:
    """The terminal's sentence speaks of the colour."""
    scan_id, text = reviewed(hall)
    assert resolve(hall, scan_id, "deny", "refused_by_staff").status == 200
    told = hall.scan(text, scan_id=scan_id).body
    assert (told["decision"], told["reason"]) == (Outcome.DENY, Reason.STATUS_YELLOW)


def test_a_resolution_stands_in_the_records(hall: Centre) -> None:
    """Beside the record, which stays as it was."""
    scan_id, _ = reviewed(hall)
    resolve(hall, scan_id, "pass", "paper_checked")
    first, second = eventually(
        "both lines", lambda: (found := lines_of(hall, scan_id)) and len(found) == 2 and found
    )
    assert "amendment" not in first
    assert first["decision"] == second["decision"] == Outcome.REVIEW
    amendment = second["amendment"]
    assert (amendment["by"], amendment["decision"]) == ("ling", "pass")
    assert (amendment["kind"], amendment["reason"]) == ("resolved", "paper_checked")


def test_an_uploaded_review_is_closed_too(hall: Centre) -> None:
    """And a resolution outlives the upload of the same scan."""
    uploaded = decided(shown(next(greens)), "review", reason=Reason.STATUS_YELLOW)
    upload(hall, uploaded)
    assert resolve(hall, uploaded["scan_id"]).status == 200
    scan_id, text = reviewed(hall)
    resolve(hall, scan_id)
    upload(hall, decided(text, "review", scan_id=scan_id, reason=Reason.STATUS_YELLOW))
    refused = resolve(hall, scan_id, "deny", "visitor_left")
    assert refused.body["code"] == "scan.resolved"
    assert hall.scan(text, scan_id=scan_id).body["decision"] == Outcome.PASS


def test_what_was_no_review_cannot_be_closed(hall: Centre) -> None:
    """A pass, a denial, an annulled review, a scan that nobody knows."""
    passed, denied = new_scan_id(), new_scan_id()
    text = shown(next(greens))
    hall.scan(text, scan_id=passed)
    hall.scan(text, scan_id=denied)
    for scan_id in (passed, denied):
        refused = resolve(hall, scan_id)
        assert (refused.status, refused.body["code"]) == (409, "scan.not_review")
    annulled, _ = reviewed(hall)
    assert hall.ask("POST", f"/v1/scans/{annulled}/annul").status == 200
    assert resolve(hall, annulled).body["code"] == "scan.annulled"
    for scan_id in (new_scan_id(), new_scan_id("t-77")):
        assert resolve(hall, scan_id).body["code"] == "scan.unknown"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"decision": "review"}, "$.decision"),
        ({"decision": "maybe"}, "$.decision"),
        ({"reason": "because"}, "$.reason"),
        ({"decision": "pass", "reason": "refused_by_staff"}, "$.reason"),
        ({"decision": "deny", "reason": "identity_checked"}, "$.reason"),
        ({"person": "x"}, "$"),
    ],
)
def test_reasons_come_from_the_list(hall: Centre, words: dict[str, str], field: str) -> None:
    """And belong to their decision."""
    scan_id, _ = reviewed(hall)
    refused = resolve(hall, scan_id, **words)
    assert (refused.status, refused.body["code"]) == (400, "body.field")
    assert refused.body["field"] == field


@pytest.mark.parametrize("key", [API_KEY, ADMIN_KEY])
def test_no_key_resolves(hall: Centre, key: str) -> None:
    """A person answers for a resolution: neither the gate's key nor another will do."""
    scan_id, _ = reviewed(hall)
    refused = resolve(hall, scan_id, key=key)
    assert (refused.status, refused.body["code"]) == (403, "operator.needed")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"roles": (OperatorRole.VIEWER,)}, 403, "scope.missing"),
        ({"roles": (OperatorRole.APPROVER,)}, 403, "scope.missing"),
        ({"district": "yuexiu"}, 403, "operator.area"),
        ({"place": "museum-1"}, 403, "operator.area"),
        ({"ago": MAX_TOKEN_S}, 401, "token.expired"),
        ({"ago": -SKEW_S - 5}, 401, "token.early"),
        ({"key": STRANGER}, 401, "token.bad"),
        ({"key": STATUS}, 401, "token.bad"),
    ],
    ids=("viewer", "approver", "district", "place", "expired", "early", "stranger", "use"),
)
def test_a_token_opens_what_its_role_area_and_time_allow(
    hall: Centre, changes: dict[str, Any], status: int, code: str
) -> None:
    """And only when a key that trust names for it has signed it."""
    scan_id, _ = reviewed(hall)
    refused = resolve(hall, scan_id, key=operator_token(**changes))
    assert (refused.status, refused.body["code"]) == (status, code)
    areas: tuple[dict[str, Any], ...] = ({"district": "liwan"}, {"place": "metro-1"})
    for area in areas:
        assert resolve(hall, scan_id, key=operator_token(**area)).status == 200


def test_a_resolution_is_in_the_audit_log(hall: Centre) -> None:
    """With the person, the token, the scan and both decisions; a refused one is not."""
    scan_id, _ = reviewed(hall)
    path = hall.folder / "audit" / "worker-0.ndjson"
    resolve(hall, scan_id, key=operator_token("ling", "viewer"))
    before = path.read_bytes()
    assert scan_id.encode() not in before
    assert resolve(hall, scan_id, "deny", "visitor_left").status == 200
    (line,) = path.read_bytes()[len(before) :].splitlines(keepends=True)
    entry = json.loads(line)
    assert (entry["action"], entry["person"], entry["subject"], entry["reason"]) == (
        "scan.resolve",
        "ling",
        f"scan:{scan_id}",
        "visitor_left",
    )
    assert (entry["before"], entry["after"]) == ("review", "deny")
    assert verify(path.read_bytes().splitlines(keepends=True), process="worker-0").flaw is None

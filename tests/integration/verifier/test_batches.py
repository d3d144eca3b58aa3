"""POST /v1/scans/batch: answers in order, and one bad line spoils only itself."""

import json
import statistics
import threading
import time
from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from tests.support.centre import (
    ADMIN_KEY,
    Centre,
    api_keys,
    centre,
    new_scan_id,
    paper,
    shown,
)
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

persons = count(40_000)


def line(text: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a scan line, of somebody new unless told."""
    return {"scan_id": new_scan_id(), "text": text or shown(next(persons))} | changes


def batch(house: Centre, *scans: Any, status: int = 200) -> Any:
    """Send lines; returns their answers, or the problem."""
    answer = house.ask("POST", "/v1/scans/batch", {"scans": list(scans)})
    assert answer.status == status, answer.body
    return answer.body["answers"] if status == 200 else answer.body


def test_answers_come_in_order(house: Centre) -> None:
    """Each with its scan_id; whoever comes twice passes once."""
    text = paper(next(persons))
    lines = [line(), line(text), line(text), line(shown(next(persons), ago=90)), line("CC1:x")]
    answers = batch(house, *lines)
    assert [answer["scan_id"] for answer in answers] == [each["scan_id"] for each in lines]
    assert [answer.get("reason") for answer in answers] == [
        None,
        None,
        Reason.USE_REPLAYED,
        Reason.PROOF_STALE,
        Reason.CODE_MALFORMED,
    ]
    assert all(answer["recorded"] for answer in answers)


def test_a_bad_line_spoils_only_itself(house: Centre) -> None:
    """Its answer says what is wrong and where; nothing of it is repeated."""
    bad: list[tuple[Any, int, str, str | None]] = [
        ("secret", 400, "body.field", "$.scans[1]"),
        ({"scan_id": new_scan_id()}, 400, "body.field", "$.scans[2]"),
        (line(secret=1), 400, "body.field", "$.scans[3]"),
        (line(scan_id="secret"), 400, "body.field", "$.scans[4].scan_id"),
        (line(text="x" * 20_001), 400, "body.field", "$.scans[5].text"),
        (line(scan_id=new_scan_id("t-2")), 409, "scan.conflict", None),
        (line(place="hall-1"), 403, "grant.place", None),
        (line(scan_id=new_scan_id(at=time.time() + 2 * 86_400)), 400, "body.field", None),
    ]
    answers = batch(house, line(), *(one for one, *_ in bad), line())
    assert answers[0]["decision"] == answers[-1]["decision"] == Outcome.PASS
    for answer, (sent, status, code, field) in zip(answers[1:-1], bad, strict=True):
        assert (answer["status"], answer["code"]) == (status, code)
        assert field is None or answer["field"] == field
        assert answer.get("scan_id") in (None, sent["scan_id"] if isinstance(sent, dict) else None)
    assert answers[2]["scan_id"] == bad[1][0]["scan_id"]
    assert "secret" not in json.dumps(answers)


def test_lines_are_idempotent_as_single_scans_are(house: Centre) -> None:
    """The same line alone, in another batch, twice in one; another text is a conflict."""
    one, other = line(), line()
    first = batch(house, one, other, one)
    assert first[0] == first[2]
    assert house.ask("POST", "/v1/scans", one).body == first[0]
    assert batch(house, other, one) == [first[1], first[0]]
    clash = batch(house, one | {"text": shown(next(persons))}, line())
    assert (clash[0]["code"], clash[0]["scan_id"]) == ("scan.conflict", one["scan_id"])
    assert clash[1]["decision"] == Outcome.PASS


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "body.json"),
        (b'{"scans":[{},]}', 400, "body.json"),
        (b'{"scans":[]}', 400, "body.field"),
        (b'{"scans":[' + b",".join([b"{}"] * 1001) + b"]}", 400, "body.field"),
        (b'{"scans":[{}],"x":1}', 400, "body.field"),
        (b"[]", 400, "body.field"),
        (b'{"scans":["' + b"x" * (4 << 20) + b'"]}', 413, "body.large"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(
    house: Centre, body: bytes, status: int, code: str
) -> None:
    """Nothing was done."""
    answer = house.ask("POST", "/v1/scans/batch", body)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_the_key_needs_the_scope(house: Centre) -> None:
    """As for a single scan."""
    refused = house.ask("POST", "/v1/scans/batch", {"scans": [line()]}, key=ADMIN_KEY)
    assert (refused.status, refused.body["code"]) == (403, "scope.missing")


def metric(house: Centre, name: str) -> float:
    """Read one number of the worker."""
    text = house.ask("GET", "/metrics", key=None).body.decode()
    return float(next(row.split()[-1] for row in text.splitlines() if row.startswith(name)))


def test_lines_of_a_batch_share_a_flight(house: Centre) -> None:
    """One fsync for two hundred."""
    before = metric(house, "verifier_flights_total")
    answers = batch(house, *(line() for _ in range(200)))
    assert {answer["decision"] for answer in answers} == {Outcome.PASS}
    assert metric(house, "verifier_flights_total") == before + 1


def test_full_batches_leave_room_for_single_scans() -> None:
    """Single scans stay quick while thousands of lines are judged; too many batches are shed."""
    with centre() as house:
        house.worker()
        bodies = [
            json.dumps({"scans": [line(paper(n * 1000 + i)) for i in range(1000)]}).encode()
            for n in range(6)
        ]
        found: list[Any] = []

        def send(body: bytes) -> None:
            found.append(house.ask("POST", "/v1/scans/batch", body))

        senders = [threading.Thread(target=send, args=(body,)) for body in bodies]
        for sender in senders:
            sender.start()
        singles: list[float] = []
        while any(sender.is_alive() for sender in senders):
            started = time.monotonic()
            answer = house.scan(shown(10_000 + len(singles)))
            singles.append(time.monotonic() - started)
            assert (answer.status, answer.body["decision"]) == (200, Outcome.PASS)
        for sender in senders:
            sender.join()
        statuses = sorted(answer.status for answer in found)
        print(f"batches {statuses}, single scans {statistics.median(singles):.4f} s")  # noqa: T201
        assert statuses[0] == 200
        assert statuses[-1] == 429
        assert all(
            (answer.body["code"], answer.headers["Retry-After"]) == ("caller.busy", "1")
            for answer in found
            if answer.status == 429
        )
        passed = [a for each in found if each.status == 200 for a in each.body["answers"]]
        assert len(passed) == 1000 * statuses.count(200)
        assert {answer["decision"] for answer in passed} == {Outcome.PASS}
        assert statistics.median(singles) < 0.1
        assert metric(house, "verifier_pending") == 0
        assert house.scan(shown(20_000)).status == 200


def test_a_caller_that_floods_leaves_room_for_the_batches_of_others() -> None:
    """It is told that it has its share; whoever sends a batch now and then is never turned away."""
    other, key = "other-1", "kapok_other_" + "k" * 43
    keys = [
        *api_keys(),
        {
            "name": "other",
            "sha256": sha256(key.encode()).hexdigest(),
            "scopes": ["scan"],
            "terminal": other,
        },
    ]
    with centre() as house:
        house.grant(other)
        house.worker(api_keys=keys)
        text = paper(1)
        flood = [
            json.dumps({"scans": [line(text) for _ in range(500)]}).encode() for _ in range(12)
        ]
        mine = [
            {"scans": [{"scan_id": new_scan_id(other), "text": text} for _ in range(500)]}
            for _ in range(20)
        ]
        flooded: list[int] = []

        def send(body: bytes) -> None:
            flooded.append(house.ask("POST", "/v1/scans/batch", body).status)

        senders = [threading.Thread(target=send, args=(body,)) for body in flood]
        for sender in senders:
            sender.start()
        found = [
            house.ask("POST", "/v1/scans/batch", body, key=key).status
            for body in mine
            if any(sender.is_alive() for sender in senders)
        ]
        for sender in senders:
            sender.join()
        assert set(found) == {200}
        assert set(flooded) <= {200, 429}
        assert 429 in flooded


def test_without_the_store_every_line_says_so() -> None:
    """The place's stance decides, and nothing was recorded."""
    with centre() as house:
        worker = house.worker()
        house.redis.kill()
        answers = batch(house, *(line() for _ in range(20)))
        assert {answer["reason"] for answer in answers} == {Reason.USE_UNKNOWN}
        assert not any(answer["recorded"] for answer in answers)
        assert worker.readiness().status == 503
        house.redis.start()
        worker.await_ready()
        assert batch(house, line())[0]["decision"] == Outcome.PASS

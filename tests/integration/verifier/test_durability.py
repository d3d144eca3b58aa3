"""What an acknowledgement is worth: fsync before the answer, kills under load, Redis away."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.centre import API_KEY, ONCE, Centre, centre, eventually, new_scan_id, paper
from tests.support.redis_server import DEFAULT_USERS
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

OPEN: Final = dict(ONCE) | {"stance": "open"}
CONNECTIONS: Final = 32
_HEADERS: Final = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}


@dataclass(slots=True)
class Load:
    """Scanners that show each of many codes twice and keep every answer."""

    port: int
    waiting: list[tuple[str, str]]
    """(scan_id, text), the last first."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    outstanding: set[str] = field(default_factory=set)
    unanswered: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Start scanning over many connections."""
        self.threads = [threading.Thread(target=self._scan) for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Wait until every code was tried."""
        for thread in self.threads:
            thread.join()

    def _scan(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        while self.waiting:
            scan_id, text = self.waiting.pop()
            self.texts[scan_id] = text
            self.outstanding.add(scan_id)
            answer = post(line, scan_id, text)
            self.outstanding.discard(scan_id)
            if answer is None:
                self.unanswered += 1
                line.close()
            elif answer["recorded"]:
                self.answers[scan_id] = answer
        line.close()

    def passes(self) -> Counter[str]:
        """Count the passes of each code."""
        passed = (i for i, a in self.answers.items() if a["decision"] == Outcome.PASS)
        return Counter(self.texts[scan_id] for scan_id in passed)


def post(line: http.client.HTTPConnection, scan_id: str, text: str) -> dict[str, Any] | None:
    """Send one scan; None: no answer came, or none was given."""
    body = json.dumps({"scan_id": scan_id, "text": text})
    try:
        line.request("POST", "/v1/scans", body, _HEADERS)
        response = line.getresponse()
        found: dict[str, Any] = json.loads(response.read())
    except (http.client.HTTPException, OSError):
        return None
    return found if response.status == 200 else None


def load_of(house: Centre, codes: int) -> Load:
    """Return a load of paper codes, each shown twice, one after the other."""
    texts = [paper(person) for person in range(codes)]
    return Load(house.port, [(new_scan_id(), text) for text in texts for _ in range(2)])


def load_and(load: Load, kill: Callable[[], None]) -> int:
    """Kill something in the middle of a load; returns how many scans were in flight."""
    load.begin()
    eventually("the first answers", lambda: len(load.answers) > 200)
    in_flight = len(load.outstanding)
    kill()
    load.end()
    return in_flight


def check(house: Centre, load: Load) -> None:
    """Every acknowledged answer is still the answer, and no code passed twice."""
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10)
    for scan_id, answer in load.answers.items():
        assert post(line, scan_id, load.texts[scan_id]) == answer
    line.close()
    assert max(load.passes().values()) == 1


def test_killing_redis_under_load_loses_nothing_acknowledged() -> None:
    """SIGKILL in the middle; the worker goes on by itself when Redis is back."""
    with centre() as house:
        house.worker()
        load = load_of(house, 1500)

        def kill() -> None:
            house.redis.kill()
            house.redis.start()

        in_flight = load_and(load, kill)
        print(f"in flight {in_flight}, kept {len(load.answers)}, without {load.unanswered}")  # noqa: T201
        assert in_flight > 0
        assert len(load.answers) > 200
        eventually("scans are stored again", lambda: house.scan(paper(60_000)).body.get("recorded"))
        check(house, load)


def test_killing_a_worker_under_load_loses_nothing_acknowledged() -> None:
    """One of two dies by SIGKILL; the other goes on, and a new one joins."""
    with centre() as house:
        victim = house.worker("worker-0")
        house.worker("worker-1")
        load = load_of(house, 1500)

        def kill() -> None:
            victim.kill()
            victim.start()

        in_flight = load_and(load, kill)
        print(f"in flight {in_flight}, kept {len(load.answers)}, without {load.unanswered}")  # noqa: T201
        assert in_flight > 0
        assert load.unanswered > 0
        check(house, load)


def fsyncs_of(trace: Path) -> int:
    """Count the finished fsyncs in what strace wrote."""
    return len(re.findall(r"(?:fdatasync|fsync)(?:\(| resumed)", trace.read_text()))


@contextlib.contextmanager
def traced(pid: int, trace: Path) -> Iterator[None]:
    """Write down the fsyncs of a process."""
    strace = subprocess.Popen(
        ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace), "-p", str(pid)],
        stderr=subprocess.PIPE,
    )
    assert strace.stderr is not None
    strace.stderr.readline()  # "Process attached"
    yield
    strace.send_signal(signal.SIGINT)
    strace.wait(20)
    strace.stderr.close()


def test_many_scans_share_one_fsync(tmp_path: Path) -> None:
    """Fewer fsyncs than acknowledged scans, and at least one for a scan that is alone."""
    with centre() as house:
        house.worker()
        load = load_of(house, 400)
        with traced(house.redis.pid, tmp_path / "trace"):
            load.begin()
            load.end()
        shared = fsyncs_of(tmp_path / "trace")
        assert len(load.answers) == 800
        print(f"{shared} fsyncs for {len(load.answers)} acknowledged scans")  # noqa: T201
        assert 0 < shared < len(load.answers)
        with traced(house.redis.pid, tmp_path / "alone"):
            for person in range(1000, 1010):
                assert house.scan(paper(person)).body["recorded"]
        assert fsyncs_of(tmp_path / "alone") >= 10


def test_no_answer_comes_before_the_write() -> None:
    """While Redis cannot write, nothing is acknowledged as recorded."""
    with centre((OPEN,)) as house:
        house.worker()
        assert house.scan(paper(1)).body["recorded"]
        os.kill(house.redis.pid, signal.SIGSTOP)
        started = time.monotonic()
        answer = house.scan(paper(2)).body
        os.kill(house.redis.pid, signal.SIGCONT)
        assert not answer["recorded"]
        assert answer["reason"] == Reason.USE_UNKNOWN
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("profile", "decision"), [(ONCE, Outcome.DENY), (OPEN, Outcome.PASS)], ids=["closed", "open"]
)
def test_without_redis_the_stance_decides(profile: dict[str, Any], decision: Outcome) -> None:
    """`recorded: false`, counted, readiness says so, and all is well again without a restart."""
    with centre((profile,)) as house:
        worker = house.worker()
        scan_id, text = new_scan_id(), paper(7)
        house.redis.kill()
        answer = house.scan(text, scan_id=scan_id).body
        assert answer["decision"] == decision
        assert answer["reason"] == Reason.USE_UNKNOWN
        assert answer["recorded"] is False
        readiness = worker.readiness()
        assert readiness.status == 503
        assert [problem["code"] for problem in readiness.body["problems"]] == ["store.unfit"]
        metrics = house.ask("GET", "/metrics", key=None).body.decode()
        passes = int(decision is Outcome.PASS)
        assert f'verifier_open_stance_passes_total{{worker="worker-0"}} {passes}.0' in metrics
        house.redis.start()
        worker.await_ready()
        again = house.scan(text, scan_id=scan_id).body
        assert again["decision"] == Outcome.PASS
        assert again["recorded"]


def test_uploads_wait_for_redis() -> None:
    """Each record is answered `retry`; nothing is lost in the terminal's outbox."""
    with centre() as house:
        house.worker()
        record = {
            "scan_id": new_scan_id(),
            "text": paper(7),
            "at": time.time(),
            "decision": "pass",
        }
        house.redis.kill()
        answer = house.ask("POST", "/v1/scans/upload", {"records": [record]})
        assert answer.status == 200
        assert answer.body["results"][0]["code"] == "retry"
        house.redis.start()
        eventually(
            "the upload is stored",
            lambda: (
                house.ask("POST", "/v1/scans/upload", {"records": [record]}).body["results"][0][
                    "code"
                ]
                == "stored"
            ),
        )


def test_a_redis_without_an_append_only_file_is_refused_at_start() -> None:
    """One clear line on stderr, and an exit status."""
    with centre(append_only=False) as house:
        worker = house.worker(start=False)
        worker.start(ready=False)
        assert worker.wait() == 2
        said = worker.log.read_text()
        assert "appendonly yes" in said
        assert "Traceback" not in said


def test_a_redis_that_stops_writing_through_is_used_no_more() -> None:
    """Readiness says what to set; it is used again once it is set."""
    with centre((OPEN,)) as house, house.redis.client() as admin:
        worker = house.worker()
        admin.config_set("appendfsync", "everysec")
        eventually("readiness refuses", lambda: worker.readiness().status == 503)
        assert "appendfsync always" in json.dumps(worker.readiness().body)
        assert house.scan(paper(3)).body["recorded"] is False
        admin.config_set("appendfsync", "always")
        worker.await_ready()
        assert house.scan(paper(4)).body["recorded"]


def test_a_full_redis_is_said_and_used_again_when_it_has_room() -> None:
    """Scans go by the stance meanwhile, and whoever looks at the worker sees why."""
    with centre((ONCE,)) as house, house.redis.client() as admin:
        worker = house.worker()
        admin.config_set("maxmemory", 1 << 20)
        eventually("not ready", lambda: worker.readiness().status == 503)
        assert "store.unfit" in json.dumps(worker.readiness().body)
        assert not house.scan(paper(1)).body["recorded"]
        admin.config_set("maxmemory", 0)
        eventually("ready", lambda: worker.readiness().status == 200)
        assert house.scan(paper(2)).body["recorded"]


def test_a_redis_that_is_away_at_start_is_waited_for() -> None:
    """The doors stay shut, readiness says why, and they open once it is there."""
    with centre() as house:
        house.redis.kill()
        worker = house.worker(start=False)
        worker.start(ready=False)
        said = eventually("it says why", lambda: worker.readiness().body)
        assert {"doors.closed", "store.unfit"} <= {each["code"] for each in said["problems"]}
        with pytest.raises(OSError, match="refused"):
            house.scan(paper(3))
        house.redis.start()
        worker.await_ready()
        assert house.scan(paper(3)).body["decision"] == Outcome.PASS


def test_a_store_that_lost_its_functions_gets_them_again() -> None:
    """After a restart from nothing; the library is loaded on connecting."""
    with centre() as house, house.redis.client() as admin:
        worker = house.worker()
        admin.function_flush()
        assert house.scan(paper(3)).body["recorded"] is False
        house.redis.stop()
        house.redis.start()
        worker.await_ready()
        assert house.scan(paper(3)).body["recorded"]


def test_a_wrong_password_ends_the_process_with_one_line() -> None:
    """It is no outage: waiting would not help."""
    with centre() as house:
        worker = house.worker(start=False)
        house.redis.password_file("worker").write_text("another\n")
        worker.start(ready=False)
        assert worker.wait() == 2
        assert "$.redis" in worker.log.read_text()


def test_wrong_settings_end_the_process_with_one_line() -> None:
    """And nothing is listened on."""
    with centre(users=DEFAULT_USERS) as house:
        worker = house.worker(start=False, root="/nowhere/root.cbor")
        worker.start(ready=False)
        assert worker.wait() == 2
        lines = [line for line in worker.log.read_text().splitlines() if "{" not in line]
        assert len(lines) == 1
        assert "$.root" in lines[0]

"""The house as its user sees it: up, demo, terminals, commands, cut and join, refusals."""

import asyncio
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.demo.people import get_paper
from deploy.local.doors import opened
from deploy.local.errors import LocalError
from deploy.local.house import TERMINALS
from deploy.local.ports import LOOPBACK
from tests.support.house import RunningHouse, running_house, wait_until
from verifier.barcode.render import symbol, to_png

CHILDREN = {"redis", "mosquitto", "issuing", "feeds", "archive", "fleet", *TERMINALS}
SENT = r"batch (\d+) of demo-hospital is applied"


@pytest.fixture(scope="module")
def house() -> Iterator[RunningHouse]:
    """One house for what does not disturb it."""
    with running_house() as running:
        yield running


@pytest.fixture(scope="module")
def played(house: RunningHouse) -> "subprocess.CompletedProcess[str]":
    """Play the demo once."""
    return house.run("demo")


def test_the_demo_is_as_it_must_be(played: "subprocess.CompletedProcess[str]") -> None:
    """Every row of it, through real pictures, terminals, worker, store and broker."""
    assert played.returncode == 0, played.stdout + played.stderr
    found = re.search(r"(\d+) of (\d+) as they must be", played.stdout)
    assert found is not None
    assert found[1] == found[2]
    assert int(found[1]) >= 48


CHAPTERS = {
    "a phone is lost": ("deny status.revoked", "pass", "pass"),
    "status from another system": ("applied", "deny status.red", "fresh"),
    "two people change a colour": (
        *("open", "proposal.own", "done", "deny status.red"),
        *(r"pass.* alone", r"\d+ s", "deny status.red", r"deny status.red.* alone"),
    ),
    "a source stalls": (r"4\d s", "stale", "applied", "fresh"),
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_of_living_status_is_played(
    played: "subprocess.CompletedProcess[str]", chapter: str
) -> None:
    """What happens after a code was issued decides the next scan: row after row, all right."""
    after = played.stdout.partition(f"\n{chapter}\n")[2]
    rows = re.split(r"^(?![ …])", after, flags=re.MULTILINE)[0]
    for wanted in CHAPTERS[chapter]:
        found = re.search(rf" {wanted}.*✓\n", rows)
        assert found is not None, (wanted, played.stdout)
        rows = rows[found.end() :]


def test_the_fleet_is_shown(house: RunningHouse) -> None:
    """Every demo terminal, and that it is online."""
    done = house.run("terminals")
    assert done.returncode == 0
    for name in ("hall-1", "transit-1", "culture-1"):
        assert re.search(rf"{name}\b.*\bonline\b", done.stdout), done.stdout


def test_a_gate_is_opened_once(house: RunningHouse) -> None:
    """A command ends with its result; a terminal that is none is refused by name."""
    done = house.run("command", "open-gate", "transit-1")
    assert (done.returncode, "succeeded" in done.stdout) == (0, True)
    wrong = house.run("command", "open-gate", "nobody-1")
    assert (wrong.returncode, "terminal.unknown" in wrong.stderr) == (1, True)


def test_a_terminal_is_cut_off_and_joined(house: RunningHouse) -> None:
    """Both are said; a terminal that is none is refused with those that are."""
    assert "decides alone" in house.run("terminal", "cut", "hall-1").stdout
    assert "uploads" in house.run("terminal", "join", "hall-1").stdout
    wrong = house.run("terminal", "cut", "nobody-1")
    assert (wrong.returncode, "hall-1" in wrong.stderr) == (2, True)


def test_a_source_sends_and_both_sides_agree(house: RunningHouse) -> None:
    """The demo source says that nothing has changed, twice; its log and the house hold the same."""
    sent = [house.run("feed", "send").stdout for _ in range(2)]
    numbers = [int(each[1]) for text in sent for each in re.finditer(SENT, text)]
    assert len(numbers) == 2, sent
    assert numbers[1] == numbers[0] + 1
    agreed = house.run("feed", "reconcile")
    assert (agreed.returncode, f"equal; {numbers[1]} batches" in agreed.stdout) == (0, True)
    assert re.search(r"demo-hosp.*fresh", house.run("feed", "sources").stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to use")
def test_configuration_is_roots_where_root_starts_the_house(house: RunningHouse) -> None:
    """What each process was started with: it may read it, and owns neither file nor folder."""
    files = [
        Path(word)
        for pid in house.pids().values()
        for word in psutil.Process(pid).cmdline()
        if word.endswith((".json", ".conf"))
    ]
    started = [process for process in house.pids() if process not in ("redis", "mosquitto")]
    assert len(files) >= len(started)
    found = {path: (path.stat().st_uid, path.parent.stat().st_uid) for path in files}
    assert set(found.values()) == {(0, 0)}, found
    assert {path.stat().st_mode & 0o777 for path in files} == {0o640}


def test_a_second_up_on_the_same_data_is_refused(house: RunningHouse) -> None:
    """With the process that uses it; nothing of the first is disturbed."""
    done = house.run("up")
    assert done.returncode == 2
    assert "another `kapok up`" in done.stderr
    assert house.run("terminals").returncode == 0


@pytest.mark.usefixtures("played")
def test_no_record_and_no_log_holds_a_code(house: RunningHouse) -> None:
    """After the demo: no text of a code stands in what the centre kept or anybody logged."""
    written = b"".join(
        path.read_bytes()
        for folder in ("log", "redis")
        for path in sorted((house.data / folder).rglob("*"))
        if path.is_file()
    )
    assert b"CC1:" not in written
    assert json.dumps("hall-1").encode() in written  # it was not read for nothing


def test_a_colour_takes_two_people(house: RunningHouse) -> None:
    """From the command line: one proposes, not the same one but another approves; then it is so."""
    person = asyncio.run(new_person(house))
    reason = ("--reason", "test_result", "--text", "laboratory 7")
    made = house.run("colour", "propose", "red", "--person", str(person), *reason, "--as", "ling")
    assert made.returncode == 0, made.stderr
    proposal = made.stdout.split()[0]
    own = house.run("colour", "approve", proposal, "--as", "ling")
    assert (own.returncode, "proposal.own" in own.stderr) == (1, True)
    listed = house.run("colour", "list", "--state", "open", "--as", "hao")
    assert re.search(rf"{proposal} +open +person:1:{person} +green +red", listed.stdout)
    done = house.run("colour", "approve", proposal, "--as", "hao")
    assert (done.returncode, " done: " in done.stdout) == (0, True), done.stderr
    shown = house.run("audit", "show", "--ref", proposal)
    assert re.search(r"ling +proposal\.make.*\n.*hao +proposal\.approve", shown.stdout)
    nobody = house.run("colour", "list", "--as", "nobody")
    assert (nobody.returncode, "hao, ling" in nobody.stderr) == (2, True)


def test_a_picture_leads_to_its_scan(house: RunningHouse, tmp_path: Path) -> None:
    """Verified at a place of the house, shown at its gate, and found again by the picture."""

    async def issue() -> str:
        async with opened(house.data) as doors:
            return await get_paper(doors)

    picture = tmp_path / "paper.png"
    picture.write_bytes(to_png(symbol(asyncio.run(issue()))))
    alone = house.run("verify", str(picture))
    assert (alone.returncode, "genuine" in alone.stdout) == (0, True), alone.stdout + alone.stderr
    assert "in force, green" in " ".join(alone.stdout.split())
    placed = house.run("verify", str(picture), "--place", "gz-hall-01", "--json")
    assert json.loads(placed.stdout)["outcome"] == "pass", placed.stdout + placed.stderr
    unknown = house.run("inspect", str(picture), "--place", "gz-hall-99")
    assert (unknown.returncode, "gz-hall-01" in unknown.stderr) == (2, True)
    assert house.run("scan", "hall-1", str(picture)).returncode == 0
    found = house.run("scans", "--terminal", "hall-1", "--code", str(picture))
    assert found.returncode == 0, found.stdout + found.stderr
    assert "(4) signature: ok" in found.stdout
    assert "looked back to" in found.stdout
    elsewhere = house.run("scans", "--terminal", "culture-1", "--code", str(picture))
    assert elsewhere.returncode == 1


def test_an_operator_opens_a_gate(house: RunningHouse) -> None:
    """With a token of the fleet's; the logs of all processes hold, and name the operator."""
    token = house.run("operator", "token", "--as", "ling")
    assert token.stdout.startswith("0oRN")
    done = house.run("command", "open-gate", "transit-1", "--as", "ling")
    assert (done.returncode, "succeeded" in done.stdout) == (0, True), done.stderr
    shown = house.run("audit", "show", "--person", "ling")
    assert re.search(r"ling +command\.give +terminal:transit-1", shown.stdout)
    whole = house.run("audit", "verify")
    assert whole.returncode == 0, whole.stdout
    assert {"fleet", "issuing", "worker-0"} <= set(
        re.findall(r"/([a-z0-9-]+)\.ndjson: whole", whole.stdout)
    )


def test_a_second_key_is_no_second_person(house: RunningHouse) -> None:
    """A key added to the operators' file gives tokens of the same person, who still may not."""
    person = asyncio.run(new_person(house))
    reason = ("--reason", "order", "--text", "order 12")
    made = house.run("colour", "propose", "red", "--person", str(person), *reason, "--as", "ling")
    proposal, key = made.stdout.split()[0], "kapok_operator-ling_" + "2" * 43
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = house.data / "registry" / "operators.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('keys = ["', f'keys = ["{digest}", "', 1), encoding="utf-8")
    os.kill(house.pid("fleet"), signal.SIGHUP)
    wait_until(lambda: asyncio.run(told(house, key, proposal)) is not None, "the key to be read")
    assert "proposal.own" in str(asyncio.run(told(house, key, proposal)))


def test_all_are_ready_and_a_stop_leaves_nothing(house: RunningHouse) -> None:
    """All say that they are ready; after Ctrl-C no process, socket or door is left.

    A start on the same folder finds it again, with the same terminals.
    """
    said = json.loads(house.run("status", "--json").stdout)["sections"]["processes"]
    running = house.pids()
    assert running.keys() == CHILDREN | house.endpoints.workers.keys()
    assert {row["subject"]: row["process"] for row in said if "process" in row} == running
    assert [row for row in said if row["level"] == "problem"] == []
    where = house.endpoints
    assert house.stop() == 0
    assert [name for name, pid in running.items() if psutil.pid_exists(pid)] == []
    assert not Path(where.redis_socket).parent.exists()
    for url in (where.verifier_url, where.issuing_url, where.feeds_url, where.fleet_url):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, int(url.rpartition(":")[2])))
    assert not (house.data / "run" / "children.json").exists()
    house.start()
    assert "(found again)" in house.output.read_text()
    assert re.search(r"hall-1\b.*\bonline\b", house.run("terminals").stdout)


async def told(house: RunningHouse, key: str, proposal: str) -> str | None:
    """Approve with a token of a key; return what one is told, None while the key is unknown."""
    async with opened(house.data) as doors:
        try:
            token = (await doors.operator_token(key))["token"]
        except LocalError:
            return None
        try:
            await doors.with_token(token).issuing(
                f"/v1/proposals/{proposal}/approve", method="POST"
            )
        except LocalError as error:
            return str(error)
        return "approved"


async def new_person(house: RunningHouse) -> int:
    """Have a paper code issued to somebody new; return the person index."""
    body = {"kind": "personal", "holder": None, "hours": 1}
    async with opened(house.data) as doors:
        return int((await doors.issue(body))["person"])

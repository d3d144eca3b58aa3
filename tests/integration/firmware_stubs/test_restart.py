"""kill -9 of the terminal, between any two steps: nothing lost, and nothing done twice."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.centre import shown
from tests.support.far_side import FarSide, Mode
from tests.support.terminal_process import ROOT, TerminalProcess

DYING = str(ROOT / "tests" / "support" / "dying_terminal.py")


def dies(terminal: TerminalProcess, point: str, text: str) -> None:
    """Run the terminal until it dies at a point while it is shown a code."""
    terminal.kill()
    usual, terminal.program = terminal.program, (DYING, point)
    terminal.start()
    terminal.await_state(lambda state: state["equipped"], "its bundles are loaded")
    with pytest.raises(ConnectionError):
        terminal.ask("POST", "/wedge", text.encode())
    assert terminal.wait() == -9
    terminal.program = usual


def rows(terminal: TerminalProcess, query: str) -> list[tuple[Any, ...]]:
    """Look into the dead terminal's database."""
    database = sqlite3.connect(terminal.state_folder / "state.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def offline(centre: FarSide) -> None:
    """Let the centre fail every scan and upload."""
    centre.scans = centre.uploads = Mode.FAIL


def uploaded(terminal: TerminalProcess) -> None:
    """Wait until nothing waits."""
    terminal.await_state(
        lambda state: state["outbox"]["waiting"] == 0 and state["state"] == "online",
        "everything is uploaded",
        within=60,
    )


def test_killed_between_claim_and_answer(terminal: TerminalProcess, centre: FarSide) -> None:
    """Claim and record are there together; the person's code passes, once, under its scan_id."""
    offline(centre)
    text = shown(7)
    dies(terminal, "claimed", text)
    assert rows(terminal, "SELECT count(*) FROM held") == [(1,)]
    ((scan_id, decision, opened),) = rows(terminal, "SELECT scan_id, decision, opened FROM scan")
    assert (decision, opened) == ("pass", 0)
    terminal.start()
    answer = terminal.wedge(text)
    assert (answer["scan_id"], answer["decision"]) == (scan_id, "pass")
    assert terminal.state()["gate_openings"] == 1
    assert terminal.wedge(shown(7))["reason"] == "use.replayed"
    centre.scans = centre.uploads = Mode.ANSWER
    uploaded(terminal)
    assert centre.known[scan_id].decision == "pass"


def test_killed_while_the_gate_opens(terminal: TerminalProcess, centre: FarSide) -> None:
    """It may have opened: shown again the code has passed, and the gate does not open twice."""
    offline(centre)
    text = shown(7)
    dies(terminal, "opening", text)
    assert rows(terminal, "SELECT decision, opened FROM scan") == [("pass", 1)]
    terminal.start()
    assert terminal.wedge(text)["reason"] == "use.shown_again"
    assert terminal.state()["gate_openings"] == 0


def test_killed_when_the_centre_has_answered(terminal: TerminalProcess, centre: FarSide) -> None:
    """Shown again the same scan is asked, so that the centre's own answer is found."""
    text = shown(7)
    dies(terminal, "answered", text)
    assert rows(terminal, "SELECT decided FROM scan") == [(0,)]
    terminal.start()
    answer = terminal.wedge(text)
    assert answer["online"]
    assert list(centre.asked) == [answer["scan_id"]]
    assert terminal.state()["gate_openings"] == 1


def test_killed_and_not_shown_again(terminal: TerminalProcess, centre: FarSide) -> None:
    """Before the centre is asked, and once it has answered: nobody was let in, and it is told."""
    dies(terminal, "noted", shown(7))
    dies(terminal, "answered", shown(8))
    scan_ids = [scan_id for (scan_id,) in rows(terminal, "SELECT scan_id FROM scan")]
    assert len(scan_ids) == 2
    terminal.start()
    terminal.await_state(
        lambda state: state["counters"].get("outbox.uploaded", 0) == 2,
        "both denials are uploaded",
        within=60,
    )
    assert [centre.known[scan_id].decision for scan_id in scan_ids] == ["deny", "deny"]
    assert terminal.state()["gate_openings"] == 0


def test_killed_again_and_again_loses_nothing(terminal: TerminalProcess, centre: FarSide) -> None:
    """Every pass that was shown is uploaded, whenever the terminal died after it."""
    offline(centre)
    answers = []
    for person in range(6):
        answers.append(terminal.wedge(shown(person)))
        terminal.kill()
        terminal.start()
    for person in range(6):
        assert terminal.wedge(shown(person))["reason"] == "use.replayed"
    centre.scans = centre.uploads = Mode.ANSWER
    uploaded(terminal)
    in_flight = len(answers)
    assert in_flight == 6
    for answer in answers:
        assert centre.known[answer["scan_id"]].decision == answer["decision"] == "pass"
    assert len(centre.uploaded) == len(centre.known) == 12


def test_second_process_is_refused(terminal: TerminalProcess) -> None:
    """One folder, one terminal."""
    other = TerminalProcess(terminal.folder, {**terminal.settings, "socket": "other.sock"})
    other.start(ready=False)
    assert other.wait() == 3
    assert "another process" in other.log()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gate_open_s": 0}, "gate_open_s"),
        ({"anything": 1}, "anything"),
        ({"verifier": {"url": "http://127.0.0.1:1", "ca": "x"}}, "verifier.url"),
        ({"root": "key.pem"}, "root"),
        ({"root": "nothing.cbor"}, "root"),
        ({"socket": "s" * 120}, "socket"),
        ({"broker": {"host": "127.0.0.1", "port": 1, "ca": "nothing.pem"}}, "broker.ca"),
    ],
)
def test_wrong_settings_exit_with_one_clear_line(
    stopped: TerminalProcess, changes: dict[str, Any], field: str
) -> None:
    """Status 2, and the line names the field."""
    stopped.settings |= changes
    stopped.start(ready=False)
    assert stopped.wait() == 2
    lines = [line for line in stopped.log().splitlines() if not line.startswith("{")]
    assert len(lines) == 1
    assert field in lines[0]


def test_orderly_stop_is_quick_and_clean(terminal: TerminalProcess) -> None:
    """SIGTERM ends it with status 0, and the socket's successor starts at once."""
    terminal.wedge(shown(1))
    assert terminal.stop() == 0
    assert terminal.lines("stopped")
    terminal.start()
    assert terminal.state()["equipped"]


def test_files_are_the_owners_alone(terminal: TerminalProcess) -> None:
    """Folder 0700, everything in it without rights for others."""
    terminal.wedge(shown(1))
    folder = Path(terminal.state_folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not any(path.stat().st_mode & 0o077 for path in folder.rglob("*"))
    assert terminal.socket.stat().st_mode & 0o077 == 0


def test_logs_hold_no_code(terminal: TerminalProcess) -> None:
    """Not the text, not a part of it."""
    text = shown(1)
    terminal.wedge(text)
    terminal.ask("POST", "/network", json.dumps({"cut": True}).encode())
    terminal.wedge(text)
    assert text[10:40] not in terminal.log()

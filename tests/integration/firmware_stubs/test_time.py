"""Wrong times over the wire: none of them outlasts whoever told it."""

import sqlite3
import time
from typing import Any

import msgspec
import pytest

from tests.integration.firmware_stubs.conftest import is_equipped
from tests.support import terminal_shelf
from tests.support.centre import ONCE, paper, shown, trust_source
from tests.support.far_side import FarSide
from tests.support.keys import BUNDLE
from tests.support.terminal_process import TerminalProcess
from verifier.contract.bundle import ProfilesDocument
from verifier.issuing.publisher import seal_bundle

DAY = 86_400
YEAR = 365 * DAY
POLL_S = 0.3
HEALTH = "status-1-health"


@pytest.fixture
def often(stopped: TerminalProcess) -> TerminalProcess:
    """Prepare a terminal that asks often."""
    stopped.settings["bundle_poll_s"] = POLL_S
    return stopped


def equipped(terminal: TerminalProcess) -> None:
    """Start it and wait until it could decide alone."""
    terminal.start()
    terminal.await_state(is_equipped, "it has its bundles")


def profiles(version: int, issued_in: int) -> bytes:
    """Return profiles signed by a clock that is ahead."""
    iat = int(time.time()) + issued_in
    document = ProfilesDocument(
        type="profiles", version=version, iat=iat, exp=iat + DAY, profiles=(dict(ONCE),)
    )
    return seal_bundle(document, BUNDLE)


def trust(version: int, **more: Any) -> bytes:
    """Return a trust bundle of now, with more members."""
    now = int(time.time())
    document = trust_source().document(version=version, issued_at=now - 10, expires=now + DAY)
    return seal_bundle(msgspec.structs.replace(document, **more), BUNDLE)


def restarted_machine(terminal: TerminalProcess) -> None:
    """Have the terminal end in order, and its machine start anew: no offset counts."""
    terminal.stop()
    with sqlite3.connect(terminal.state_folder / "state.db") as database:
        database.execute("DELETE FROM fact WHERE name = 'offset'")
    database.close()


def is_right(state: dict[str, Any]) -> bool:
    """Say whether the clock is sure, and as the machine's is."""
    offset = state["clock"]["offset_s"]
    return bool(state["clock"]["sure"]) and offset is not None and abs(offset) < 5


def test_one_date_ten_years_ahead_ruins_nothing(often: TerminalProcess, centre: FarSide) -> None:
    """Told once; neither this run nor the one after the machine's restart follows it."""
    equipped(often)
    centre.wrong = [10 * YEAR]
    often.await_state(lambda _: not centre.wrong, "the wrong time was told")
    assert is_right(often.state())
    assert often.lines("clock.against")
    restarted_machine(often)
    often.start()
    often.await_state(is_right, "it is sure of the right time")
    often.cut()
    assert often.wedge(shown(1))["decision"] == "pass"


def test_a_wrong_date_first_is_outlived_by_the_restart(
    often: TerminalProcess, centre: FarSide
) -> None:
    """The first answer after the machine's start sets the clock; it alone raises no floor."""
    centre.ahead_s = 10 * YEAR
    often.start()
    often.await_state(lambda state: state["clock"]["sure"], "the wrong time was taken")
    restarted_machine(often)
    centre.ahead_s = 0.0
    equipped(often)
    assert is_right(often.state())


def test_what_came_while_nobody_said_the_time_was_not_looked_at(
    often: TerminalProcess, centre: FarSide
) -> None:
    """A plane that is put off for want of the time never reaches the open stance."""
    health = centre.bundles.pop(HEALTH)
    centre.bundles["profiles"] = (1, terminal_shelf.profiles(1, dict(ONCE) | {"stance": "open"}))
    often.start()
    often.await_state(lambda state: state["equipped"], "it has the rest")
    restarted_machine(often)
    centre.dated = False
    centre.bundles[HEALTH] = health
    often.start()
    often.await_state(
        lambda _: any(line["name"] == HEALTH for line in often.lines("bundle.refused")),
        "it was put off",
    )
    time.sleep(2 * POLL_S)
    often.cut()
    assert often.wedge(paper(1))["decision"] == "deny"
    often.cut(cut=False)
    centre.dated = True
    often.await_state(lambda state: HEALTH in state["bundles"], "it is taken")
    often.cut()
    assert often.wedge(paper(2))["decision"] == "pass"


def test_a_bundle_signed_by_a_clock_ahead_is_refused(
    often: TerminalProcess, centre: FarSide
) -> None:
    """It lifts no floor, and its honest successor is taken."""
    equipped(often)
    centre.bundles["profiles"] = (2, profiles(2, YEAR))
    often.await_state(
        lambda _: {line["cause"] for line in often.lines("bundle.refused")} == {"future"},
        "it is refused",
    )
    restarted_machine(often)
    often.start()
    often.await_state(is_right, "it is sure of the right time")
    assert often.state()["bundles"]["profiles"] == 1
    centre.bundles["profiles"] = (2, profiles(2, 0))
    often.await_state(lambda state: state["bundles"]["profiles"] == 2, "the honest one is taken")


def test_a_signed_step_lowers_a_floor_that_is_ahead(
    often: TerminalProcess, centre: FarSide
) -> None:
    """Both sources were wrong by a year: only the step makes the clock sure again, for good."""
    centre.ahead_s = YEAR
    now = int(time.time())
    ahead = trust_source().document(version=2, issued_at=now + YEAR, expires=now + YEAR + DAY)
    centre.bundles["trust"] = (2, seal_bundle(ahead, BUNDLE))
    centre.bundles["profiles"] = (2, profiles(2, YEAR))
    often.start()
    often.await_state(lambda state: state["equipped"], "it has the bundles of that clock")
    restarted_machine(often)
    centre.ahead_s = 0.0
    often.start()
    often.await_state(
        lambda state: state["clock"]["offset_s"] is not None and not state["clock"]["sure"],
        "it is unsure: its floor is ahead",
    )
    centre.bundles["trust"] = (3, trust(3, clock={"epoch": 1, "floor": now - 60}))
    often.await_state(is_right, "it is sure again")
    restarted_machine(often)
    often.start()
    often.await_state(is_right, "it stays so")

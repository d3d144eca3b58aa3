"""A terminal that is not complete yet: it decides nothing alone by what it has not looked at."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.centre import ONCE, shown
from tests.support.far_side import FarSide, far_side
from tests.support.terminal_process import Identities, TerminalProcess, terminal_process
from tests.support.terminal_shelf import shelf

OPEN: Final = dict(ONCE) | {"stance": "open"}
REVOCATION: Final = "status-1-revocation"
POLL_S: Final = 0.3


class Unreachable(dict[str, int]):
    """Breaks off every answer about one bundle at its first byte."""

    def __init__(self, name: str) -> None:
        self._name = name

    def pop(self, name: str, _: Any = None) -> Any:
        """Return after how many bytes the answer breaks off."""
        return 1 if name == self._name else None


@pytest.fixture
def centre(identities: Identities, root: bytes) -> Iterator[FarSide]:
    """Run a far side with a place of open stance, of which one plane never arrives."""
    with far_side(identities, shelf(root, OPEN)) as running:
        running.break_at = Unreachable(REVOCATION)
        yield running


@pytest.fixture
def terminal(identities: Identities, root: bytes, centre: FarSide) -> Iterator[TerminalProcess]:
    """Start a terminal, and wait until it has all but one plane."""
    with terminal_process(identities, root, verifier_url=centre.url) as process:
        process.settings["bundle_poll_s"] = POLL_S
        process.start()
        process.await_state(lambda state: len(state["bundles"]) == 4, "four bundles are there")
        process.await_state(lambda _: centre.indexed > 1, "a round is over")
        yield process


def decided(terminal: TerminalProcess) -> tuple[Any, Any]:
    """Show somebody's code to the terminal, cut off; return decision and reason."""
    terminal.cut()
    found = terminal.wedge(shown(1))
    return found["decision"], found.get("reason")


def test_a_plane_that_never_arrived_is_not_open_stance(terminal: TerminalProcess) -> None:
    """The list of the centre names it: until it was judged nobody passes by the stance."""
    assert decided(terminal) == ("deny", "system.unavailable")


def test_nor_after_a_restart_without_the_centre(terminal: TerminalProcess, centre: FarSide) -> None:
    """The terminal knows that it never had all that it needs."""
    terminal.kill()
    centre.stop()
    terminal.start()
    assert decided(terminal) == ("deny", "system.unavailable")


def test_once_complete_it_decides_alone_also_after_a_restart(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """By its own slots; no centre is needed."""
    centre.break_at = {}
    terminal.await_state(lambda state: state["equipped"], "all is there")
    terminal.kill()
    centre.stop()
    terminal.start()
    assert decided(terminal)[0] == "pass"


def test_a_damaged_slot_is_judged(terminal: TerminalProcess, centre: FarSide) -> None:
    """It was looked at and cannot be known: that is what the stance is for."""
    centre.break_at = {}
    terminal.await_state(lambda state: state["equipped"], "all is there")
    terminal.kill()
    centre.stop()
    (terminal.state_folder / "bundles" / f"{REVOCATION}.a").write_bytes(b"rot")
    terminal.start()
    assert decided(terminal) == ("pass", "status.unknown")

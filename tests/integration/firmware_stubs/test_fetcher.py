"""Planes over the wire: deltas, broken lines, forks, and a terminal that dies in between."""

import gzip
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.firmware_stubs.conftest import is_equipped
from tests.support.centre import ONCE, shown
from tests.support.far_side import FarSide
from tests.support.plane_stream import PlaneStream
from tests.support.terminal_process import ROOT, TerminalProcess
from tests.support.terminal_shelf import GREEN, profiles
from tests.support.verifier_process import eventually
from verifier.contract.destruction import traces
from verifier.contract.vocabulary import Colour, Plane
from verifier.service.worker.kept_deltas import Deltas

DYING: Final = str(ROOT / "tests" / "support" / "dying_terminal.py")
HEALTH: Final = "status-1-health"
POLL_S: Final = 0.3
RED: Final = int(Colour.RED)


@pytest.fixture
def stream(centre: FarSide) -> PlaneStream:
    """Publish the health plane as a stream."""
    found = PlaneStream(Plane.HEALTH, fill=GREEN)
    centre.bundles[HEALTH] = found.snapshot()
    centre.deltas[HEALTH] = Deltas()
    return found


@pytest.fixture
def terminal(stopped: TerminalProcess, stream: PlaneStream) -> TerminalProcess:
    """Start a terminal that asks often, and wait until it has the stream's first version."""
    stopped.settings["bundle_poll_s"] = POLL_S
    stopped.start()
    stopped.await_state(is_equipped, "it has its bundles")
    assert stopped.state()["bundles"][HEALTH] == stream.view.version
    return stopped


def publish(centre: FarSide, stream: PlaneStream, *red: int) -> int:
    """Turn people red at the centre; returns the version from which on it shows."""
    centre.deltas[HEALTH].keep(stream.change(dict.fromkeys(red, RED)))
    return stream.view.version


def reached(terminal: TerminalProcess, version: int) -> dict[str, Any]:
    """Wait until the terminal has a version of the plane."""
    return terminal.await_state(
        lambda state: state["bundles"].get(HEALTH) == version, f"version {version} is in use"
    )


def reason(terminal: TerminalProcess, person: int) -> str | None:
    """Return why the terminal, cut off, does not let a person in."""
    terminal.cut()
    found: str | None = terminal.wedge(shown(person)).get("reason")
    return found


def slots(terminal: TerminalProcess) -> dict[str, bytes]:
    """Return the slots of the plane as they are on the disk."""
    folder = terminal.state_folder / "bundles"
    return {path.name: path.read_bytes() for path in folder.glob(f"{HEALTH}.*")}


def remains(folder: Path) -> set[str]:
    """Return the files in which something of the plane stands."""
    pattern = traces(1, Plane.HEALTH)
    return {
        path.name
        for path in folder.rglob("*")
        if path.is_file() and pattern.search(path.read_bytes())
    }


def test_a_delta_turns_the_next_offline_scan(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """Without a byte of the slot being written; after a restart with no centre it is the same."""
    before = slots(terminal)
    reached(terminal, publish(centre, stream, 1))
    reached(terminal, publish(centre, stream, 2))
    assert reason(terminal, 1) == reason(terminal, 2) == "status.red"
    assert reason(terminal, 3) is None
    assert slots(terminal) == before
    assert centre.fetched[HEALTH, 200] == 1
    terminal.kill()
    centre.stop()
    terminal.start()
    assert terminal.state()["bundles"][HEALTH] == stream.view.version
    assert terminal.wedge(shown(1))["reason"] == "status.red"


@pytest.mark.parametrize(("point", "version"), [("extending", 1), ("extended", 2)])
def test_killed_while_deltas_are_taken_in(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream, point: str, version: int
) -> None:
    """All of them are there or none, and what is there is good; then it goes on."""
    terminal.kill()
    usual, terminal.program = terminal.program, (DYING, point)
    publish(centre, stream, 1)
    terminal.start(ready=False)
    assert terminal.wait() == -9
    terminal.program = usual
    listed, centre.deltas = centre.deltas, {}
    terminal.start()
    assert terminal.state()["bundles"][HEALTH] == version
    assert not terminal.lines("slot.refused")
    centre.deltas = listed
    reached(terminal, 2)
    assert reason(terminal, 1) == "status.red"


def test_a_broken_download_is_gone_on_with(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """The rest alone is fetched, of the very same bytes; nothing of the half was used."""
    publish(centre, stream, 1)
    centre.deltas.clear()
    centre.break_at[HEALTH] = 100
    centre.bundles[HEALTH] = stream.snapshot()
    reached(terminal, 2)
    assert centre.fetched[HEALTH, 206] == 1
    assert reason(terminal, 1) == "status.red"


def test_a_newer_one_takes_the_place_of_a_broken_download(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """Halves of two versions are never put together."""
    publish(centre, stream, 1)
    centre.deltas.clear()
    centre.break_at[HEALTH] = 100
    centre.bundles[HEALTH] = stream.snapshot()
    terminal.await_state(lambda _: HEALTH not in centre.break_at, "the line breaks")
    stream.change({2: RED})
    centre.bundles[HEALTH] = stream.snapshot()
    reached(terminal, 3)
    assert reason(terminal, 2) == "status.red"
    assert not terminal.lines("bundle.refused")


def test_another_past_leads_to_the_snapshot(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """What the terminal has never was, as the centre has it now: into the other slot."""
    reached(terminal, publish(centre, stream, 1))
    other = PlaneStream(Plane.HEALTH, version=2, fill=GREEN, chain=7)
    centre.deltas[HEALTH] = Deltas()
    publish(centre, other, 2)
    centre.bundles[HEALTH] = other.snapshot()
    reached(terminal, 3)
    assert (reason(terminal, 1), reason(terminal, 2)) == (None, "status.red")
    assert len(slots(terminal)) == 2
    terminal.kill()
    terminal.start()
    assert terminal.state()["bundles"][HEALTH] == 3


def test_deltas_that_are_no_longer_kept_lead_to_the_snapshot(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """A terminal that was away for long."""
    for person in range(1, 80):
        stream.change({person: RED})
    publish(centre, stream, 80)
    centre.bundles[HEALTH] = stream.snapshot()
    reached(terminal, stream.view.version)
    assert centre.fetched[f"{HEALTH}/deltas/0", 410] == 1
    assert reason(terminal, 1) == "status.red"


def test_a_damaged_slot_is_fetched_with_what_leads_up_to_the_floor(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """The centre's snapshot alone is older than what was in use."""
    reached(terminal, publish(centre, stream, 1))
    terminal.kill()
    (path,) = (terminal.state_folder / "bundles").glob(f"{HEALTH}.*")
    path.write_bytes(gzip.compress(b"rot"))
    terminal.start()
    reached(terminal, 2)
    assert [line["name"] for line in terminal.lines("slot.refused")] == [HEALTH]
    assert reason(terminal, 1) == "status.red"


def test_a_plane_that_the_place_no_longer_asks_for_is_deleted(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """From memory and from the disk, with the deltas beside it and what a log still holds."""
    reached(terminal, publish(centre, stream, 1))
    assert remains(terminal.state_folder)
    centre.bundles["profiles"] = (2, profiles(2, {**ONCE, "colours": []}))
    terminal.await_state(lambda state: HEALTH not in state["bundles"], "it is dropped")
    assert slots(terminal) == {}
    eventually("nothing is left", lambda: not remains(terminal.state_folder))
    terminal.kill()
    terminal.start()
    assert HEALTH not in terminal.state()["bundles"]
    terminal.cut()
    assert terminal.wedge(shown(1))["decision"] == "pass"


def test_a_centre_that_is_behind_changes_nothing(
    terminal: TerminalProcess, centre: FarSide, stream: PlaneStream
) -> None:
    """Another worker, or a store set back: what is known stays known."""
    reached(terminal, publish(centre, stream, 1))
    kept, centre.deltas[HEALTH] = centre.deltas[HEALTH], Deltas()
    asked = centre.fetched.copy()
    probes = centre.indexed
    terminal.await_state(lambda _: centre.indexed > probes + 1, "it has asked again")
    assert centre.fetched == asked
    centre.deltas[HEALTH] = kept
    reached(terminal, publish(centre, stream, 2))
    assert reason(terminal, 1) == reason(terminal, 2) == "status.red"

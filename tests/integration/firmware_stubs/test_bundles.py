"""Bundles over the wire: slots, floors, refusals, expiry, a first start with nothing."""

import pytest

from tests.support.centre import ONCE, paper, shown, trust_source
from tests.support.far_side import FarSide, Mode
from tests.support.keys import STRANGER
from tests.support.terminal_process import TerminalProcess
from tests.support.terminal_shelf import plane, profiles, trust
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause
from verifier.issuing.publisher import seal_bundle


def taken(terminal: TerminalProcess, name: str, version: int) -> None:
    """Wait until a bundle's version is in use."""
    terminal.await_state(
        lambda state: state["bundles"].get(name) == version, f"{name} {version} is in use"
    )


def test_terminal_without_bundles_lets_nobody_in(stopped: TerminalProcess, centre: FarSide) -> None:
    """Cut off at its first start it is unavailable, never a pass."""
    centre.index = centre.scans = Mode.FAIL
    stopped.start()
    assert stopped.wedge(paper(1))["reason"] == "system.unavailable"
    stopped.cut()
    answer = stopped.wedge(paper(1))
    assert (answer["decision"], answer["reason"]) == ("deny", "system.unavailable")
    assert stopped.state()["gate_openings"] == 0


@pytest.mark.parametrize("name", ["root", "status-1-health"])
def test_a_bundle_that_is_not_there_keeps_no_other_away(
    stopped: TerminalProcess, centre: FarSide, name: str
) -> None:
    """A round goes on behind one that stands in the list only."""
    centre.listed_only.add(name)
    stopped.start()
    taken(stopped, "status-1-revocation", 1)


def test_restart_without_a_centre_decides_by_its_slots(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """No server at all: what was accepted before is enough, the clock's offset too."""
    terminal.kill()
    centre.stop()
    terminal.start()
    answer = terminal.wedge(shown(1))
    assert (answer["decision"], answer["online"]) == ("pass", False)


def test_new_profiles_change_what_is_asked(terminal: TerminalProcess, centre: FarSide) -> None:
    """Fetched by the clock of the terminal, used without a restart."""
    centre.bundles["profiles"] = (2, profiles(2, {**ONCE, "static": False}))
    taken(terminal, "profiles", 2)
    terminal.cut()
    assert terminal.wedge(paper(1))["reason"] == "place.static"


def test_bad_bundles_are_refused_and_the_old_one_stays(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """A stranger's, an older one, garbage; also over a restart, and offered again and again."""
    centre.bundles["trust"] = (2, trust(2))
    taken(terminal, "trust", 2)
    document = trust_source().document(version=3, issued_at=1, expires=2**31)
    bad = {
        BundleCause.UNKNOWN_KEY: seal_bundle(document, STRANGER),
        BundleCause.ROLLBACK: trust(1),
        BundleCause.MALFORMED: b"garbage",
    }
    for version, (cause, data) in enumerate(bad.items(), 3):
        centre.bundles["trust"] = (version, data)
        terminal.await_state(
            lambda _, cause=cause: (
                cause in {line["cause"] for line in terminal.lines("bundle.refused")}
            ),
            f"it is refused: {cause}",
        )
    terminal.kill()
    terminal.start()
    assert terminal.state()["bundles"]["trust"] == 2
    terminal.cut()
    assert terminal.wedge(shown(1))["decision"] == "pass"


def test_reset_keeps_the_floors(terminal: TerminalProcess, centre: FarSide) -> None:
    """A wiped terminal does not take what is older than what it had."""
    old = centre.bundles["trust"]
    centre.bundles["trust"] = (2, trust(2))
    taken(terminal, "trust", 2)
    terminal.kill()
    centre.bundles["trust"] = old
    terminal.start("--reset")
    terminal.await_state(
        lambda state: state["counters"].get("bundles.refused", 0) > 0, "it is refused"
    )
    assert "trust" not in terminal.state()["bundles"]
    centre.bundles["trust"] = (3, trust(3))
    taken(terminal, "trust", 3)


def test_expired_bundle_stays_loaded(stopped: TerminalProcess, centre: FarSide) -> None:
    """Decisions go to the stance with trust.stale; the terminal does not stop."""
    centre.bundles["trust"] = (1, trust(1, expires_in=4))
    stopped.start()
    stopped.await_state(lambda state: state["equipped"], "it has its bundles")
    stopped.cut()
    person = iter(range(1000))
    stopped.await_state(
        lambda _: stopped.wedge(shown(next(person))).get("reason") == "trust.stale",
        "the bundle is stale",
    )
    stopped.kill()
    stopped.start()
    stopped.cut()
    # The centre tells the time to the second: a clock set anew may be a moment behind the old one.
    stopped.await_state(
        lambda _: stopped.wedge(shown(next(person))).get("reason") == "trust.stale",
        "the bundle is stale after a restart too",
    )


def test_unchanged_bundles_are_not_fetched_again(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """One fetch for each version, whatever the index repeats."""
    centre.bundles["status-1-health"] = (2, plane(Plane.HEALTH, 2, fill=0b01010101))
    taken(terminal, "status-1-health", 2)
    assert centre.fetched["trust", 200] == 1
    assert centre.fetched["status-1-health", 200] == 2


def test_terminal_is_equipped_again_after_damage(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """A slot whose bytes have rotted is fetched anew."""
    terminal.kill()
    slots = terminal.state_folder / "bundles"
    (slots / "profiles.a").write_bytes(b"rot")
    terminal.start()
    terminal.await_state(
        lambda state: "profiles" in state["bundles"] and state["equipped"], "it is fetched anew"
    )
    assert terminal.lines("slot.refused")
    assert centre.fetched["profiles", 200] == 2


def test_identity_that_comes_later(stopped: TerminalProcess) -> None:
    """Enrolling until key and certificate are there; then online by itself."""
    key = stopped.folder / "key.pem"
    key.rename(stopped.folder / "key.later")
    stopped.start()
    assert stopped.state()["state"] == "enrolling"
    assert stopped.wedge(shown(1))["reason"] == "system.unavailable"
    (stopped.folder / "key.later").rename(key)
    stopped.await_state(lambda state: state["equipped"], "it is enrolled and equipped")
    assert stopped.wedge(shown(1))["online"]

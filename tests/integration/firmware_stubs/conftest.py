"""One far side and one terminal for each test; the terminal has its bundles and has asked once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.centre import root_file
from tests.support.far_side import FarSide, far_side
from tests.support.terminal_process import Identities, TerminalProcess, terminal_process
from tests.support.terminal_shelf import shelf


@pytest.fixture(scope="session")
def identities() -> Iterator[Identities]:
    """Make both authorities."""
    with tempfile.TemporaryDirectory(prefix="kapok-i-") as folder:
        yield Identities.new(Path(folder))


@pytest.fixture
def root() -> bytes:
    """Return the pinned root file."""
    return root_file()


@pytest.fixture
def centre(identities: Identities, root: bytes) -> Iterator[FarSide]:
    """Run a far side."""
    with far_side(identities, shelf(root)) as running:
        yield running


@pytest.fixture
def stopped(identities: Identities, root: bytes, centre: FarSide) -> Iterator[TerminalProcess]:
    """Prepare a terminal."""
    with terminal_process(identities, root, verifier_url=centre.url) as process:
        yield process


@pytest.fixture
def terminal(stopped: TerminalProcess) -> TerminalProcess:
    """Start a terminal and wait until it could decide alone."""
    stopped.start()
    stopped.await_state(is_equipped, "it has its bundles")
    return stopped


def is_equipped(state: dict[str, object]) -> bool:
    """Say whether a terminal has all its bundles and the time."""
    bundles, clock = state["bundles"], state["clock"]
    assert isinstance(bundles, dict)
    assert isinstance(clock, dict)
    return bool(state["equipped"]) and len(bundles) == 5 and bool(clock["sure"])

"""A terminal behind the real issuing process and a real worker."""

import contextlib
from collections.abc import Iterator

from tests.support.centre import eventually, free_ports, root_file
from tests.support.issuing_house import METRO, IssuingHouse, issuing_house
from tests.support.terminal_process import Identities, TerminalProcess, terminal_process
from verifier.contract.reasons import Reason

NAME = "metro-a1"


@contextlib.contextmanager
def house_for_terminals(identities: Identities, profile: str = METRO) -> Iterator[IssuingHouse]:
    """Run an issuing process, and a worker with a door for terminals."""
    certificate, key = identities.server("worker")
    (port,) = free_ports(1)
    with issuing_house(profile) as it:
        it.centre.tls = {
            "host": "127.0.0.1",
            "port": port,
            "certificate": str(certificate),
            "key": str(key),
            "client_ca": str(identities.folder / "terminal-ca.pem"),
        }
        it.centre.worker("worker-1")
        yield it


@contextlib.contextmanager
def terminal_of(
    house: IssuingHouse, identities: Identities, bundles: frozenset[str]
) -> Iterator[TerminalProcess]:
    """Start a terminal that asks for bundles often; it has those named when it comes."""
    assert house.centre.tls is not None
    url = f"https://127.0.0.1:{house.centre.tls['port']}"
    with terminal_process(
        identities, root_file(), verifier_url=url, name=NAME, bundle_poll_s=0.3
    ) as process:
        house.centre.grant(NAME, fingerprint=identities.terminal(NAME, process.folder))
        process.start()
        process.await_state(
            lambda state: (
                state["equipped"] and bundles <= state["bundles"].keys() and state["clock"]["sure"]
            ),
            "it has its bundles",
        )
        yield process


def scanned_alone(terminal: TerminalProcess, text: str) -> tuple[str, str | None]:
    """Cut the terminal off, scan, and join it again; returns decision and reason."""
    terminal.cut()
    answer = terminal.wedge(text)
    terminal.cut(cut=False)
    return answer["decision"], answer.get("reason")


def knows(house: IssuingHouse, text: str, *reasons: Reason | None) -> None:
    """Wait until the workers judge so."""
    eventually("the centre knows", lambda: house.reason_of(text) in reasons, within=10)

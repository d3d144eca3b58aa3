"""Grants as a follower gets them: signed, ascending, renewed on SIGHUP, waited for."""

import base64
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fleet import identity
from fleet.service.http.grants import MAX_CALLER_POLLS
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.verifier_process import API_KEY
from verifier.contract.envelope import SignedUse, take_apart, to_be_signed
from verifier.contract.grant import Grant, read_grant
from verifier.contract.vocabulary import GrantState


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Run one house for the file."""
    with fleet_house(("hall-1", "hall-2")) as running:
        yield running


def follow(house: FleetHouse, after: int = 0, wait: int = 0) -> tuple[int, list[Grant]]:
    """Ask for grants and check their signatures."""
    body: dict[str, Any] = house.fleet.ask("GET", f"/v1/grants?after={after}&wait={wait}").body
    return body["version"], [opened(house, each) for each in body["grants"]]


def opened(house: FleetHouse, text: str) -> Grant:
    """Verify a signed grant and read it."""
    envelope = take_apart(base64.b64decode(text))
    key = identity.load_key((house.folder / "grant.pem").read_bytes()).public_key()
    assert envelope.kid == identity.kid_of(key)
    signed = to_be_signed(SignedUse.GRANT, envelope.protected, envelope.payload)
    r, s = (
        int.from_bytes(part, "big") for part in (envelope.signature[:32], envelope.signature[32:])
    )
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    return read_grant(envelope.payload)


def test_registry_becomes_grants(house: FleetHouse) -> None:
    """Every terminal has one grant, ascending, with its certificate's fingerprint."""
    version, grants = follow(house)
    assert [grant.terminal for grant in grants] == ["hall-1", "hall-2"]
    assert [grant.rank for grant in grants] == [version - 1, version]
    assert grants[0].fingerprint == house.terminals["hall-1"].fingerprint
    assert {grant.state for grant in grants} == {GrantState.ACTIVE}
    assert follow(house, after=version) == (version, [])


def test_suspension_reaches_a_waiting_follower(house: FleetHouse) -> None:
    """SIGHUP publishes only what changed, and a waiting follower hears of it at once."""
    version, _ = follow(house)
    heard: list[tuple[int, list[Grant]]] = []
    waiter = threading.Thread(target=lambda: heard.append(follow(house, after=version, wait=20)))
    waiter.start()
    house.write_registry(states={"hall-2": "suspended"})
    house.fleet.signal(signal.SIGHUP)
    waiter.join(20)
    assert [(grant.terminal, grant.state) for grant in heard[0][1]] == [
        ("hall-2", GrantState.SUSPENDED)
    ]
    assert heard[0][0] == version + 1
    assert house.fleet.command("hall-2", "k").body["code"] == "terminal.suspended"


def test_a_bad_registry_changes_nothing(house: FleetHouse) -> None:
    """A registry that does not hold is refused and what was in force stays."""
    version, _ = follow(house)
    (house.folder / "places.toml").write_text("[[terminal]]\nid = 1\n", encoding="utf-8")
    house.fleet.signal(signal.SIGHUP)
    eventually("the refusal", lambda: "registry.refused" in house.fleet.log.read_text())
    assert follow(house)[0] == version
    assert house.fleet.ask("GET", "/v1/terminals/hall-1").status == 200


def test_a_terminal_that_left_is_revoked(house: FleetHouse) -> None:
    """What left the registry is published as revoked, once."""
    version, _ = follow(house)
    house.terminals.pop("hall-2")
    house.write_registry()
    house.fleet.signal(signal.SIGHUP)
    _, grants = follow(house, after=version, wait=20)
    assert [(grant.terminal, grant.state) for grant in grants] == [("hall-2", GrantState.REVOKED)]
    house.fleet.stop()
    house.fleet.start()
    assert follow(house)[0] == version + 1


def test_a_new_key_signs_all_anew(house: FleetHouse) -> None:
    """After a change of the grant key followers get every grant under the new one."""
    version, _ = follow(house)
    house.fleet.stop()
    key = Path(house.folder / "grant.pem")
    key.write_bytes(identity.private_pem(identity.make_key()))
    house.fleet.start()
    _, grants = follow(house, after=version)
    assert {grant.terminal for grant in grants} == {"hall-1", "hall-2"}


def test_followers_need_bounds_and_the_scope(house: FleetHouse) -> None:
    """Waiting too long, no number, and no key are refused."""
    ask = house.fleet.ask
    assert ask("GET", "/v1/grants?wait=26").body["code"] == "query.bad"
    assert ask("GET", "/v1/grants?after=-1").body["code"] == "query.bad"
    assert ask("GET", "/v1/grants", key=None).status == 401


def test_as_many_followers_as_a_caller_may_have_are_all_answered(house: FleetHouse) -> None:
    """They share the store's connections, and readiness finds one too."""
    version, _ = follow(house)
    answers: list[int] = []

    def wait() -> None:
        path = f"/v1/grants?after={version}&wait=20"
        answers.append(house.fleet.ask("GET", path).status)

    waiters = [threading.Thread(target=wait) for _ in range(MAX_CALLER_POLLS)]
    for waiter in waiters:
        waiter.start()
    ready = [house.fleet.ask("GET", "/readyz").status for _ in range(20)]
    house.write_registry(states={"hall-1": "suspended"})
    house.fleet.signal(signal.SIGHUP)
    for waiter in waiters:
        waiter.join(30)
    assert answers == [200] * MAX_CALLER_POLLS
    assert ready == [200] * 20


def test_a_follower_that_is_gone_gives_its_place_back(house: FleetHouse) -> None:
    """Within a look of the followers, not at the end of its wait."""
    version, _ = follow(house)
    path = f"/v1/grants?after={version}&wait=25"
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {API_KEY}\r\n\r\n"
    lines = [
        socket.create_connection(("127.0.0.1", house.fleet.port)) for _ in range(MAX_CALLER_POLLS)
    ]
    for line in lines:
        line.sendall(head.encode())
    eventually("a full share", lambda: asked(house, version) == 429)
    for line in lines:
        line.close()
    eventually("a place", lambda: asked(house, version) == 200, within=10)


def asked(house: FleetHouse, after: int) -> int:
    """Ask without waiting; return the status."""
    return house.fleet.ask("GET", f"/v1/grants?after={after}&wait=0").status

"""A person plane destroyed by two people: gone everywhere, certified, and never back."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.operators import operator_token
from tests.support.verifier_process import ADMIN_KEY, Answer, ask, eventually
from verifier.contract.destruction import Destruction, traces
from verifier.contract.vocabulary import Plane
from verifier.trust.bundle import TrustedSet

TEXT = "the epidemic is over"
NAME = "destroyed-1-health"


@pytest.fixture
def house() -> Iterator[IssuingHouse]:
    """Yield a house with a person whose health was published."""
    with issuing_house() as it:
        yield it


def act(house: IssuingHouse, path: str, body: Any, person: str, *roles: str) -> Answer:
    """Ask as an operator."""
    return ask(house.issuing.port, "POST", path, body, key=operator_token(person, *roles))


def proposed(house: IssuingHouse, **changes: Any) -> Answer:
    """Propose the end of the health plane."""
    body = {"kind": "destruction", "plane": "health", "reason": "purpose_ended", "text": TEXT}
    return act(house, "/v1/proposals", body | changes, "hao", "administrator")


def certificate(house: IssuingHouse) -> Destruction | None:
    """Return the certificate that lies on the shelf, verified as a gate does."""
    with house.centre.redis.client() as client:
        data: Any = client.get(f"v:bundle:{NAME}")
        trust: Any = client.get("v:bundle:trust")
    if data is None:
        return None
    trusted = TrustedSet((house.centre.folder / "root.cbor").read_bytes())
    trusted.take_trust(trust, time.time())
    return trusted.take_destruction(data, time.time())


def remains(folder: Path) -> set[str]:
    """Return the files below a folder in which something of the plane stands."""
    pattern = traces(1, Plane.HEALTH)
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and pattern.search(path.read_bytes())
    }


def test_a_plane_is_destroyed_whole(house: IssuingHouse) -> None:
    """After the second person's word nothing is left of it, and nobody passes by it."""
    text = house.issue(holder=None)["text"]
    green = house.issue(holder=None)["text"]
    eventually("a green person passes", lambda: house.reason_of(green) is None)
    for refused, status in (
        ({"plane": "revocation"}, 400), ({"plane": "doses"}, 409), ({"reason": "contact"}, 400),
    ):  # fmt: skip
        assert proposed(house, **refused).status == status
    proposal = proposed(house)
    assert proposal.status == 201
    store = house.centre.redis.directory
    assert remains(store) != set()
    path = f"/v1/proposals/{proposal.body['id']}/approve"
    assert act(house, path, None, "hao", "administrator").body["code"] == "proposal.own"
    done = act(house, path, None, "ling", "approver")
    assert (done.status, done.body["state"]) == (200, "done")
    assert remains(store) == set()
    found = certificate(house)
    assert found is not None
    assert (found.by, found.reason, found.order) == (("hao", "ling"), TEXT, proposal.body["id"])
    assert found.counts == {0: found.size - 2, 1: 2}
    assert found.version > found.last > 0
    eventually("nobody is judged by it", lambda: house.reason_of(text) == "status.unknown")

    def names() -> set[str]:
        body = house.centre.ask("GET", "/v1/bundles", key=ADMIN_KEY).body
        return {row["name"] for row in body["bundles"]}

    eventually("the certificate is handed out", lambda: NAME in names())
    assert "status-1-health" not in names()
    assert proposed(house).body["code"] == "plane.unknown"
    again = act(house, path, None, "ling", "approver")
    assert (again.status, again.body["state"]) == (200, "done")


def test_codes_are_issued_and_revoked_without_the_plane(house: IssuingHouse) -> None:
    """The city code lives on, also over a restart, and no store set back has the plane again."""
    green = house.issue(holder=None)["text"]
    eventually("a green person passes", lambda: house.reason_of(green) is None)
    with house.centre.redis.client() as client:
        kept: Any = client.hget("v:{status}:planes", "1:health")
        octets: Any = client.get("v:{status}:plane:1:health")
    proposal = proposed(house)
    act(house, f"/v1/proposals/{proposal.body['id']}/approve", None, "ling", "approver")
    house.issuing.stop()
    with house.centre.redis.client() as client:
        client.hset("v:{status}:planes", "1:health", kept)
        client.set("v:{status}:plane:1:health", octets)
    house.issuing.start()
    assert house.reason_of(green) == "status.unknown"

    def ended() -> bool:
        with house.centre.redis.client() as client:
            found: Any = client.hget("v:{status}:planes", "1:health")
        return bool(found == b"destroyed")

    eventually("it is destroyed again", ended)
    assert house.reason_of(green) == "status.unknown"
    issued = house.issue(holder=None)
    assert issued["text"].startswith("CC1:")
    assert certificate(house) is not None
    with house.centre.redis.client() as client:
        assert not client.exists("v:{status}:plane:1:health", "v:bundle:status-1-health")
        client.delete("v:bundles")  # a store that was set back
    eventually("the certificate is laid out again", lambda: certificate(house) is not None)


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_a_kill_in_between_is_gone_on_with(house: IssuingHouse, delay: float) -> None:
    """Whatever was done before, the next start does the rest; figures are counted once."""
    house.issue(holder=None)
    proposal = proposed(house)
    path = f"/v1/proposals/{proposal.body['id']}/approve"

    def approve() -> None:
        try:
            act(house, path, None, "ling", "approver")
        except OSError:
            return

    asking = threading.Thread(target=approve)
    asking.start()
    folder = house.centre.folder / "destructions"
    eventually("it is begun", lambda: list(folder.glob("*.json")) or list(folder.glob("*.cbor")))
    time.sleep(delay)
    house.issuing.kill()
    asking.join()
    house.issuing.start()
    eventually("the certificate is there", lambda: certificate(house) is not None)
    found = certificate(house)
    assert found is not None
    assert found.counts == {0: found.size - 1, 1: 1}
    eventually("the order is struck", lambda: not list(folder.glob("*.json")))
    assert remains(house.centre.redis.directory) == set()

    def state() -> str:
        answer = ask(
            house.issuing.port, "GET", f"/v1/proposals/{proposal.body['id']}",
            key=operator_token("ling", "approver"),
        )  # fmt: skip
        return str(answer.body["state"])

    eventually("the proposal is done", lambda: state() == "done")

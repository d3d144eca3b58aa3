"""An old key of a name, and a certificate that has ended: they move nothing and hear nothing."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet import identity
from fleet.contract import messages
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import ClockState, Epoch
from fleet.contract.topics import TerminalId, shard_of
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal

NAME = TerminalId("hall-1")
BOOT = "0" * 32
LIFE_S = 6
"""Seconds that a certificate of these tests has left."""
NEW = Epoch(2, 1)
"""What the old key claims: the generation that the registry knows now."""


@pytest.fixture
def house() -> Iterator[FleetHouse]:
    """Run a house whose registry knows the second enrolment of hall-1; it has the first one's key.

    Another terminal that stands beside it shows when everything before has been worked off.
    """
    with fleet_house((NAME, "hall-2"), start=False) as running:
        running.write_registry()
        places = running.folder / "places.toml"
        row = f'fingerprint = "{running.terminals[NAME].fingerprint}"'
        assert row in places.read_text()
        again = f'fingerprint = "{"e" * 64}"\ngeneration = 2'
        places.write_text(places.read_text().replace(row, again))
        running.fleet.start()
        yield running


def topic(house: FleetHouse, last: str) -> str:
    """Return a topic under the name that the old certificate carries."""
    certificate = identity.load_certificate(house.terminals[NAME].certificate.read_bytes())
    name = certificate.subject.rfc4514_string().removeprefix("CN=")
    return f"kapok/up/{shard_of(NAME)}/{name}/{last}"


def claims(house: FleetHouse, command: str) -> list[tuple[str, bytes]]:
    """Return what the old key says in the new generation's name."""
    birth = messages.Birth(
        epoch=NEW,
        boot=BOOT,
        at=1,
        clock=ClockState.OK,
        software=messages.Software(name="old", version="1"),
        bundles={},
        capabilities=(),
        reported_from=1,
        result_from=1,
    )
    beat = messages.Beat(
        epoch=NEW,
        boot=BOOT,
        at=1,
        clock=ClockState.OK,
        uptime_s=1,
        outbox=0,
        verifier_online=True,
        counters={},
    )
    result = messages.Result(
        epoch=NEW,
        boot=BOOT,
        sequence=1,
        at=1,
        command=command,
        state=ResultState.SUCCEEDED,
        code=ResultCode.OK,
    )
    said = {"birth": birth, "beat": beat, "result": result}
    return [(topic(house, last), messages.encode(message)) for last, message in said.items()]


def test_an_old_key_moves_nothing_and_hears_nothing(house: FleetHouse) -> None:
    """Its births, beats and results have no effect, and no command of the new one reaches it."""
    given = house.fleet.command(NAME, "open")
    assert given.status in (201, 202), given.body
    old = TestTerminal(NAME, house.broker, house.terminals[NAME])
    old.connect(birth=False)
    for name, payload in claims(house, given.body["id"]):
        old.publish_raw(name, payload)
    old.wait("what it sent is at the broker", lambda: old.pubacks >= 2)
    witness = TestTerminal("hall-2", house.broker, house.terminals["hall-2"])
    witness.connect()

    def is_online() -> bool:
        return bool(house.fleet.ask("GET", "/v1/terminals/hall-2").body["presence"] == "online")

    eventually("the witness is online", is_online)
    house.fleet.command(NAME, "again")
    shown = house.fleet.ask("GET", f"/v1/terminals/{NAME}").body
    state = house.fleet.ask("GET", f"/v1/commands/{given.body['id']}").body["state"]
    old.close()
    witness.close()
    assert (shown["presence"], shown["epoch"], state) == ("offline", None, "queued")
    assert old.commands == []


def test_the_files_of_this_test_are_a_first_enrolments(house: FleetHouse) -> None:
    """The old certificate holds in every other way: it is of the CA that the broker trusts."""
    held = Path(house.terminals[NAME].certificate).read_bytes()
    certificate = identity.load_certificate(held)
    assert identity.issued_by(certificate, house.broker.terminal_ca.certificate)


def test_a_certificate_that_ended_moves_nothing_and_hears_nothing() -> None:
    """The broker keeps the connection, since TLS looks at the dates when it begins; we do not."""
    with fleet_house((NAME,)) as running:
        made = datetime.now(UTC) - timedelta(days=1) + identity.BACKDATE + timedelta(seconds=LIFE_S)
        key = identity.make_key()
        certificate = running.broker.terminal_ca.terminal_certificate(
            NAME, key.public_key(), made, days=1
        )
        running.terminals[NAME] = running.broker.save("ends", key, certificate)
        running.write_registry()
        ends = certificate.not_valid_after_utc
        with (running.folder / "places.toml").open("a") as places:
            places.write(f"certificate_ends = {ends:%Y-%m-%dT%H:%M:%SZ}\n")
        running.fleet.signal(signal.SIGHUP)
        device = TestTerminal(NAME, running.broker, running.terminals[NAME])
        device.connect()

        def shown() -> dict[str, Any]:
            return dict(running.fleet.ask("GET", f"/v1/terminals/{NAME}").body)

        eventually("it is online", lambda: shown()["presence"] == "online")
        time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds() + 1))
        before = shown()
        assert running.fleet.command(NAME, "open").status in (201, 202)
        device.send_beat()
        device.send_birth()

        def letters() -> list[str]:
            with running.redis.client() as client:
                rows: Any = client.xrange(f"f:{{s{shard_of(NAME)}}}:dead")
            return [fields[b"reason"].decode() for _, fields in rows]

        eventually("its birth has come", lambda: device.pubacks >= 2)
        time.sleep(1)  # nothing comes of it: there is no event to wait for
        after, heard, connected = shown(), device.commands, device.connected
        device.close()
        assert connected
        assert (heard, after["last_seen"]) == ([], before["last_seen"])
        assert set(letters()) == {"certificate.ended"}

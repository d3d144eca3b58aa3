"""Presence as the running fleet shows it: births, wills, old epochs, two machines, strays."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fleet.contract import messages
from fleet.contract.commands import ResultState
from fleet.contract.messages import Epoch
from fleet.contract.topics import SHARDS, TerminalId, TopicName, shard_of
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Run one house for the file."""
    with fleet_house(("hall-1", "hall-2", "hall-3", "hall-4")) as running:
        yield running


def terminal(house: FleetHouse, name: str) -> TestTerminal:
    """Make a terminal."""
    return TestTerminal(name, house.broker, house.terminals[name])


def shown(house: FleetHouse, name: str) -> dict[str, Any]:
    """Return what the fleet shows of a terminal."""
    body: dict[str, Any] = house.fleet.ask("GET", f"/v1/terminals/{name}").body
    return body


def letters(house: FleetHouse, name: str) -> list[str]:
    """Return the reasons of a shard's dead letters."""
    with house.redis.client() as client:
        rows: Any = client.xrange(f"f:{{s{shard_of(TerminalId(name))}}}:dead")
    return [fields[b"reason"].decode() for _, fields in rows]


def test_birth_cut_and_return(house: FleetHouse) -> None:
    """A birth brings a terminal online, a cut degrades it, a new birth brings it back."""
    assert shown(house, "hall-1")["presence"] == "offline"
    each = terminal(house, "hall-1")
    each.connect()
    eventually("online", lambda: shown(house, "hall-1")["presence"] == "online")
    each.send_beat()
    eventually("the beat", lambda: shown(house, "hall-1")["beat"] is not None)
    assert shown(house, "hall-1")["birth"]["software"] == {"name": "test", "version": "1"}
    each.cut()
    eventually("degraded", lambda: shown(house, "hall-1")["presence"] == "degraded")
    each.connect()
    eventually("online", lambda: shown(house, "hall-1")["presence"] == "online")
    assert shown(house, "hall-1")["epoch"] == [1, 2]
    each.close()


def test_old_wills_are_ignored(house: FleetHouse) -> None:
    """The will of a connection already replaced says nothing about the present one."""
    each = terminal(house, "hall-2")
    each.counter = 7
    each.connect()
    old = messages.Will(epoch=Epoch(1, 7), boot=each.boot)
    each.publish(TopicName.WILL, old)
    each.send_result("f" * 32, ResultState.SUCCEEDED)
    each.wait("what was sent after it", lambda: not each.outbox)
    assert shown(house, "hall-2")["presence"] == "online"
    each.publish(TopicName.WILL, messages.Will(epoch=each.epoch, boot=each.boot))
    eventually("degraded", lambda: shown(house, "hall-2")["presence"] == "degraded")
    each.close()


def test_two_machines_with_one_certificate(house: FleetHouse) -> None:
    """Two machines that throw each other off are an incident."""
    first, copy = terminal(house, "hall-3"), terminal(house, "hall-3")
    for _ in range(2):
        for machine in (first, copy):
            machine.close()
            machine.connect()

    def kinds() -> set[str]:
        return {each["kind"] for each in shown(house, "hall-3")["incidents"]}

    eventually("the incident", lambda: "identity.two_machines" in kinds())
    first.close()
    copy.close()


def test_strays_are_dead_letters(house: FleetHouse) -> None:
    """A wrong shard, no JSON, an unknown command and another generation are kept with a reason."""
    each = terminal(house, "hall-4")
    each.connect()
    own = shard_of(TerminalId("hall-4"))
    wrong = next(shard for shard in SHARDS if shard != own)
    beat = json.dumps({"epoch": [1, 1]}).encode()
    each.publish_raw(f"kapok/up/{wrong}/hall-4.1/beat", beat)
    each.publish_raw(each.topic(TopicName.BEAT), b"{")
    each.publish_raw(each.topic(TopicName.BEAT), b"x" * 8193)
    each.publish(TopicName.WILL, messages.Will(epoch=Epoch(2, 1), boot=each.boot))
    each.send_result("f" * 32, ResultState.SUCCEEDED)
    each.wait("the ack", lambda: not each.outbox)
    assert letters(house, "hall-4") == [
        "payload.malformed",
        "payload.too_long",
        "generation.wrong",
        "command.unknown",
    ]
    eventually("the other shard's", lambda: house_letters(house, wrong) == ["topic.shard"])
    each.close()


def house_letters(house: FleetHouse, shard: str) -> list[str]:
    """Return the reasons in one shard's stream."""
    with house.redis.client() as client:
        rows: Any = client.xrange(f"f:{{s{shard}}}:dead")
    return [fields[b"reason"].decode() for _, fields in rows]

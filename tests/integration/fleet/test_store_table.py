"""docs/store-fleet.md names every key that a running fleet writes, and no other."""

import re
from typing import Any

import pytest

from fleet.contract import messages
from fleet.contract.commands import ResultState
from fleet.contract.topics import TopicName
from tests.support.fleet_process import ROOT, fleet_house
from tests.support.mqtt_terminal import TestTerminal


def documented() -> dict[str, str]:
    """Return key pattern -> type from the table."""
    text = (ROOT / "docs/store-fleet.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(f:[^`]+)` \| (\w+(?: set)?)", text, re.MULTILINE)
    return {
        re.escape(name)
        .replace(r"\{sX\}", r"\{s[0-9a-f]\}")
        .replace("<id>", "[0-9a-f]{32}")
        .replace("<digest>", "[0-9a-f]{64}"): {"sorted set": "zset"}.get(kind, kind)
        for name, kind in rows
    }


def rival(each: TestTerminal) -> messages.Beat:
    """Return a heartbeat of another machine under the same epoch."""
    return messages.Beat(
        epoch=each.epoch,
        boot="0" * 32,
        at=1,
        clock=messages.ClockState.OK,
        uptime_s=1,
        outbox=0,
        verifier_online=True,
        counters={},
    )


def test_every_key_is_in_the_table() -> None:
    """Keys, their types and whether they are forgotten agree with the document."""
    table = documented()
    with fleet_house(("hall-1",)) as house:
        each = TestTerminal("hall-1", house.broker, house.terminals["hall-1"])
        each.answers = False
        each.connect()
        each.wait("the ack", lambda: bool(each.acks))
        each.send_beat()
        each.publish_raw(each.topic(TopicName.BIRTH), b"{}")
        each.send_reported()
        assert house.fleet.command("hall-1", "k").status == 202
        each.wait("the command", lambda: bool(each.commands))
        each.publish(TopicName.WILL, messages.Will(epoch=each.epoch, boot="0" * 32))
        each.publish(TopicName.BEAT, rival(each))
        each.send_result("f" * 32, ResultState.ACCEPTED)
        each.wait("the last ack", lambda: not each.outbox and each.acks[-1].reported == 1)
        with house.redis.client() as client:
            keys: Any = client.keys("*")
            found = {key.decode(): (client.type(key).decode(), client.ttl(key) > 0) for key in keys}
        each.close()
    used = set()
    for key, (kind, forgotten) in found.items():
        pattern = next((each for each in table if re.fullmatch(each, key)), None)
        if pattern is None:
            pytest.fail(f"not in the table: {key}")
        assert kind == table[pattern], key
        assert forgotten == (":command:" in key or ":promise:" in key or key.endswith(":lease"))
        used.add(pattern)
    assert used == set(table)

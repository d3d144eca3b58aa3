"""docs/store-verifier.md names every key that running processes write, and no other."""

import asyncio
import re
import time
from typing import Any

import pytest

from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.async_store import with_store
from tests.support.bulk import paper, send_batch
from tests.support.centre import ONCE, TERMINAL, eventually
from tests.support.feed_keys import write_feed_keys
from tests.support.issued import grant_of
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.keys import PHONE
from tests.support.operators import operator_token
from tests.support.store_line import StoreLine, enter, new_scan, once, room
from tests.support.verifier_process import ROOT
from verifier.contract.holder import HolderDoor
from verifier.service.store import suspensions
from verifier.service.store.city_load import keep_progress

FORGOTTEN = (
    *("i", "u", "p", "c", "plan", "given", "bulk", "seen", "proposed"),
    *("spent", "refused", "noted"),
)
SHORT_LIVED = (
    *("challenge", "challenge-used", "issued", "holder", "made", "family", "appointments"),
    "contradictions",
)
"""Families whose every key has a time to live: with a hash tag, and without one."""


def documented() -> dict[str, str]:
    """Return key pattern -> type from the table."""
    text = (ROOT / "docs/store-verifier.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(v:[^`]+)` \| (\w+)", text, re.MULTILINE)
    return {
        re.escape(name)
        .replace(r"\{tt\}", r"\{[0-3][0-9a-f]\}")
        .replace("<hour>", r"\d+")
        .replace("<bb>", "[0-9a-f]{2}")
        .replace("<claim>", r"[^:]+")
        .replace("<bucket>", "[0-9a-f]{5}")
        .replace("<source>", "[a-z0-9-]+")
        .replace("<block>", r"\d+")
        .replace("<slot>", "[0-9a-f]+")
        .replace("<person>", "[0-9]+")
        .replace("<nonce>", "[0-9a-f]{32}")
        .replace("<request>", "[0-9a-f]{32}")
        .replace("<epoch>", "[0-9]+")
        .replace("<day>", "[0-9]+")
        .replace("<kid>", "[0-9a-f]{16}")
        .replace("<place>", "[a-z0-9-]+")
        .replace("<terminal>", "[a-z0-9-]+")
        .replace("<grant>", "[0-9]+")
        .replace("<name>", "[a-z0-9-]+")
        .replace("<list>", r"\d+")
        .replace("<plane>", "[a-z]+")
        .replace("<job>", "[0-9a-f]{16}")
        .replace("<proposal>", "[0-9a-f]{32}")
        .replace("<kind>", "(person|credential)"): kind
        for name, kind in rows
    }


async def begin_load(settings: RedisSettings) -> None:
    """Note how far a load of a city came."""
    store = open_store(settings)
    await keep_progress(store, "0" * 16, "health 65536")
    await store.aclose()


async def suspend_terminal(settings: RedisSettings) -> None:
    """Suspend a terminal that contradicts the centre."""
    store = open_store(settings)
    grant = grant_of(TERMINAL, 1)
    await suspensions.count_contradictions(store, grant, 1000, seconds=3600)
    await suspensions.suspend(store, grant)
    await store.aclose()


def hold(house: IssuingHouse) -> None:
    """Do what holders do: a phone, a child's code on it, an emergency code asked for."""
    guardian = house.issue_to(PHONE)
    child = house.issue(holder=None)["person"]
    house.issue_to(PHONE, person=child, form="proxy", guardian=guardian["person"])
    made = house.holder(HolderDoor.EMERGENCY, guardian["credential"], PHONE)
    assert made.status == 201, made.body


def propose(house: IssuingHouse, person: int) -> None:
    """Propose a colour."""
    body = {"kind": "colour", "person": person, "to": "red", "reason": "order", "text": "a test"}
    assert house.ask("/v1/proposals", body, key=operator_token()).status == 201


def erase(house: IssuingHouse, reference: str) -> None:
    """Have somebody erased by two people; a second one's erasure is left waiting."""
    house.ask("/v1/persons", {"reference": f"{reference}-2"})
    for name in (reference, f"{reference}-2"):
        body = {
            "kind": "erasure", "reason": "own_request", "identity": "document_seen",
            "text": "a test", "reference": name,
        }  # fmt: skip
        made = house.ask("/v1/proposals", body, key=operator_token("hao", "administrator"))
        assert made.status == 201, made.body
        if name == reference:
            path = f"/v1/proposals/{made.body['id']}/approve"
            eventually(
                "it is erased",
                lambda path=path: (
                    house.ask(path, None, key=operator_token()).body["state"] == "done"
                ),
            )


def spend(house: IssuingHouse, person: int) -> None:
    """Ask for more than a budget has."""
    token = operator_token("mei")
    body = {"reason": "complaint", "person": person}
    answers = [house.ask("/v1/subjects", body, key=token).status for _ in range(40)]
    assert answers[-1] == 429


def is_short_lived(key: str) -> bool:
    """Say whether the table says how long a key lives."""
    parts = key.split(":")
    return parts[2] in FORGOTTEN if parts[1].startswith("{") else parts[1] in SHORT_LIVED


def test_every_key_is_in_the_table() -> None:
    """Keys, their types and whether they are forgotten agree with the document."""
    table = documented()
    with issuing_house(erasure_wait_s=1) as house:
        members = [house.issue(holder=None)["person"] for _ in range(2)]
        hold(house)
        house.ask("/v1/persons", {"reference": "44010119900101001X"})
        roster = [{"person": person, "masked_name": "李*"} for person in members]
        group = {"kind": "group", "hours": 1, "roster": roster, "places": ["metro-1"]}
        house.ask("/v1/credentials", group)
        at = int(time.time())
        mine = {"id": "in-the-table", "person": members[0], "from": at, "to": at + 60}
        assert house.book(mine).status == 200
        propose(house, members[0])
        house.ask("/v1/persons", {"reference": "TO-BE-ERASED"})
        erase(house, "TO-BE-ERASED")
        spend(house, members[0])
        assert send_batch(house.issuing.port, [paper(1, "IN-THE-TABLE")]).issued
        asyncio.run(begin_load(RedisSettings(**house.centre.redis_settings("issuing"))))
        asyncio.run(suspend_terminal(RedisSettings(**house.centre.redis_settings("worker"))))
        with_store(house.centre.redis, write_feed_keys, user="admin")
        with StoreLine(house.centre.redis) as line:
            line.scan(new_scan(), once("a"), enter("a"), room(1, 5))
        house.centre.grant(TERMINAL, place=str(ONCE["place"]))
        with house.centre.redis.client() as client:
            # Colours are in the store at once, and a delta within a second of it.
            eventually("a delta is published", lambda: client.keys("v:{status}:deltas:*"))
            keys: Any = client.keys("*")
            found = {key.decode(): (client.type(key).decode(), client.ttl(key) > 0) for key in keys}
    used = set()
    for key, (kind, forgotten) in found.items():
        pattern = next((each for each in table if re.fullmatch(each, key)), None)
        if pattern is None:
            pytest.fail(f"not in the table: {key}")
        assert kind == table[pattern], key
        assert forgotten == is_short_lived(key), key
        used.add(pattern)
    assert used == set(table)

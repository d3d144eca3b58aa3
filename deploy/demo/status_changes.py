"""Chapters of living status: what happens after a code was issued decides the very next scan."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.demo import waits
from deploy.demo.people import DemoPhone, report_lost
from deploy.demo.stage import HALL, METRO, MUSEUM, PASS, Stage
from deploy.demo.waits import HEALTH, REVOCATION, Say
from deploy.feed.sender import send_file
from deploy.local import terminals
from deploy.local.doors import Answer
from deploy.local.errors import LocalError
from deploy.local.operators import acting
from deploy.local.sources import DEMO_SOURCE
from verifier.contract.export import ExportField
from verifier.feeds.freshness import Freshness

FEEDS, ISSUING = "feeds", "issuing"
LONGEST_SILENCE_S: Final = 60
"""A source that is stale only after longer than this is not waited for."""


async def lost_phone(stage: Stage, old: DemoPhone, new: DemoPhone, paper: str) -> None:
    """Report a phone lost from another one of the same person; paper lives on."""
    stage.chapter = "a phone is lost"
    before = await waits.newest(stage.doors, REVOCATION)
    revoked = await report_lost(stage.doors, old, by=new)
    told = "revoked" if revoked == [old.credential_index] else str(revoked)
    stage.fact("reported lost by the new one", ISSUING, told, wanted="revoked")
    await waits.change_known(stage.doors, REVOCATION, before)
    await stage.scan("the lost phone", old.show(), HALL, wanted=("deny", "status.revoked"))
    await stage.scan("the new phone", new.show(), HALL, wanted=PASS)
    await stage.scan("the same person's paper", paper, MUSEUM, wanted=PASS)


async def feed(stage: Stage, person: DemoPhone) -> float:
    """Have the demo source turn somebody; returns when it fell silent, by the monotonic clock."""
    stage.chapter = "status from another system"
    await stage.scan("a phone", person.show(), METRO, wanted=PASS)
    before = await waits.newest(stage.doors, HEALTH)
    line = {"person": person.person, "plane": "health", "value": "red", "at": int(time.time())}
    sent = await _send(stage, line)
    stage.fact("a signed batch turns them red", FEEDS, sent, wanted="applied")
    silent = time.monotonic()
    await waits.change_known(stage.doors, HEALTH, before)
    await stage.scan("the next scan", person.show(), HALL, wanted=("deny", "status.red"))
    source = await stage.doors.feeds(f"/v1/feeds/{DEMO_SOURCE}")
    stage.fact("how the source stands", FEEDS, str(source["freshness"]), wanted=Freshness.FRESH)
    return silent


async def stalled(stage: Stage, silent: float, say: Say) -> None:
    """Show that a source that has fallen silent grows old, and that this is said."""
    stage.chapter = "a source stalls"
    path = f"/v1/feeds/{DEMO_SOURCE}"
    source = await stage.doors.feeds(path)
    limit = int(source["stale_after"])
    if limit <= LONGEST_SILENCE_S:
        say("the source is silent; waiting until it is stale")
        await asyncio.sleep(max(0.0, limit + 1 - (time.monotonic() - silent)))
        source = await stage.doors.feeds(path)
    age, passed = int(source["age"]), int(time.monotonic() - silent)
    stage.fact(
        "its age; nothing makes it less",
        FEEDS,
        f"{age} s",
        wanted=f"{passed} s or more",
        right=age >= passed,
    )
    wanted = Freshness.STALE if age > limit else Freshness.LATE
    wanted = Freshness.FRESH if age <= int(source["every"]) else wanted
    stage.fact("how it stands now", FEEDS, str(source["freshness"]), wanted=wanted)
    sent = await _send(stage, None)
    stage.fact("an empty batch: no changes", FEEDS, sent, wanted="applied")
    source = await stage.doors.feeds(path)
    stage.fact("how the source stands", FEEDS, str(source["freshness"]), wanted=Freshness.FRESH)


async def two_people(stage: Stage, person: DemoPhone, say: Say) -> None:
    """Change a colour by two people, while a terminal is cut off that has to learn of it."""
    stage.chapter = "two people change a colour"
    doors = stage.doors
    await stage.scan("a phone, green", person.show(), METRO, wanted=PASS)
    cut_at = time.monotonic()
    await terminals.switch_network(doors, MUSEUM, cut=True)
    try:
        before = await waits.newest(doors, HEALTH)
        await _turned(stage, person)
        await waits.change_known(doors, HEALTH, before)
        await stage.scan("the very next scan", person.show(), HALL, wanted=("deny", "status.red"))
        told = await stage.scan(
            "cut off: by the old colour", person.show(), MUSEUM, wanted=PASS, online=False
        )
        passed = int(time.monotonic() - cut_at)
        turned = await waits.newest(doors, HEALTH)
    finally:
        await terminals.switch_network(doors, MUSEUM, cut=False)
    await waits.uploaded(doors, MUSEUM)
    age = await _status_age(stage, str(told["scan_id"]))
    stage.fact(
        "the age that its record states",
        MUSEUM,
        f"{age} s",
        wanted=f"{passed} s or more",
        right=age is not None and age >= passed,
    )
    say("waiting until the terminal has learned of it")
    await waits.held_by(doors, [MUSEUM], HEALTH, turned)
    await stage.scan("joined again", person.show(), MUSEUM, wanted=("deny", "status.red"))
    await terminals.switch_network(doors, MUSEUM, cut=True)
    try:
        wanted = ("deny", "status.red")
        await stage.scan(
            "cut off again: now it knows", person.show(), MUSEUM, wanted=wanted, online=False
        )
    finally:
        await terminals.switch_network(doors, MUSEUM, cut=False)


async def _turned(stage: Stage, person: DemoPhone) -> None:
    """Propose, be refused alone, be approved by another."""
    ling, hao = [await acting(stage.doors, name) for name in ("ling", "hao")]
    asked = {"kind": "colour", "person": person.person, "to": "red"}
    why = {"reason": "test_result", "text": "laboratory 7"}
    made = await ling.issuing("/v1/proposals", asked | why)
    stage.fact("ling proposes red", ISSUING, str(made["state"]), wanted="open")
    approve = f"/v1/proposals/{made['id']}/approve"
    refused = await _refusal(ling.issuing(approve, method="POST"))
    stage.fact("ling approves it herself", ISSUING, refused, wanted="proposal.own")
    done = await hao.issuing(approve, method="POST")
    stage.fact("hao approves it", ISSUING, str(done["state"]), wanted="done")


async def _refusal(asked: Awaitable[Answer]) -> str:
    """Return the code with which a door refuses."""
    try:
        await asked
    except LocalError as error:
        return str(error).rpartition(" ")[2]
    return "not refused"


async def _send(stage: Stage, line: Mapping[str, Any] | None) -> str:
    """Send a batch of one line as the demo source, or the empty one; return its state."""
    doors = stage.doors
    if line is None:
        return str((await send_file(doors, doors.data, DEMO_SOURCE, None))["state"])
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        file.write(msgspec.json.encode(line) + b"\n")
        file.flush()
        report = await send_file(doors, doors.data, DEMO_SOURCE, Path(file.name))
    applied = report.get("applied") == 1
    return str(report["state"]) if applied else f"{report['state']}, nothing of it counts"


async def _status_age(stage: Stage, scan_id: str) -> int | None:
    """Return how old the status was that a scan was decided by, as its record says."""
    after = 0
    while (page := await stage.doors.exported(after)).records:
        for values in page.records:
            row = dict(zip(page.fields, values, strict=True))
            if row[ExportField.SCAN_ID] == scan_id:
                age = row[ExportField.STATUS_AGE]
                return age if isinstance(age, int) else None
        after = page.cursor
    return None

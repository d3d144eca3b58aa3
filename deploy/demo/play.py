"""The play, in chapters: who shows what where, and what must come of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import numpy as np

from deploy.demo.people import Phone, altered, forged, get_group, get_paper, get_phone
from deploy.demo.stage import Stage
from deploy.local import steering
from deploy.local.doors import Answer, Doors
from deploy.local.errors import LocalError
from deploy.local.operators import acting
from deploy.local.trust import LIST
from firmware_stubs.edge.scene import to_png
from fleet.contract.commands import CommandType
from verifier.barcode.scan import read_picture

HALL, METRO, MUSEUM = "hall-1", "transit-1", "culture-1"
PATIENCE_S: Final = 75.0
"""Longest wait for a terminal to hold new bundles: they are announced at most every 30 s and
fetched within another 30."""
_LOOK_S: Final = 0.2
WORKERS_ASKED: Final = 24

HEALTH: Final = f"status-{LIST}-health"
PASS: Final = ("pass", None)
Say = Callable[[str], None]


async def play(doors: Doors, say: Say) -> Stage:
    """Play all chapters; the stage holds the rows."""
    stage = Stage(doors)
    say("issuing codes")
    lin = await get_phone(doors, "林")
    chen = await get_phone(doors, "陈")
    wu = await get_phone(doors, "吴", sectors={"hall": 0})
    red = await get_phone(doors, "红", colour="red")
    yellow = await get_phone(doors, "黄", colour="yellow")
    paper = await get_paper(doors)
    team = await get_group(doors, [lin, chen])
    mixed = await get_group(doors, [chen, red])
    offline = [await get_phone(doors, name) for name in ("何", "郭")]
    tang = await get_phone(doors, "唐")
    last = tang.status_version
    await _settled(stage, last, say)
    say("scanning")
    await _phones(stage, lin, chen, wu)
    await _forgeries(stage, paper, lin)
    await _colours(stage, red, yellow)
    await _groups(stage, team, mixed)
    await _pictures(stage, chen)
    say("steering")
    await _gate(stage)
    await _cut_off(stage, offline, paper, say)
    await _two_people(stage, tang, say)
    return stage


async def _phones(stage: Stage, lin: Phone, chen: Phone, wu: Phone) -> None:
    await stage.scan("a phone", lin.show(), HALL, wanted=PASS)
    await stage.scan(
        "the same person, fresh code", lin.show(), HALL, wanted=("deny", "use.replayed")
    )
    await stage.scan("a phone", chen.show(), METRO, wanted=PASS)
    await stage.scan("a screenshot", chen.show(ago=300), METRO, wanted=("deny", "proof.stale"))
    await stage.scan(
        "shown for another place",
        chen.show(audience="place:elsewhere"),
        HALL,
        wanted=("deny", "proof.audience"),
    )
    await stage.scan("not enabled for transit", wu.show(), METRO, wanted=("deny", "sector.missing"))


async def _forgeries(stage: Stage, paper: str, lin: Phone) -> None:
    await stage.scan("paper", paper, HALL, wanted=PASS)
    await stage.scan("paper", paper, METRO, wanted=("deny", "place.static"))
    await stage.scan("forged paper", forged(), HALL, wanted=("deny", "trust.unknown_key"))
    await stage.scan(
        "altered phone code", altered(lin.show()), MUSEUM, wanted=("deny", "proof.bad")
    )
    wanted = ("deny", "format.unknown")
    await stage.scan("a shop's poster", "https://example.com", HALL, wanted=wanted, online=None)


async def _colours(stage: Stage, red: Phone, yellow: Phone) -> None:
    await stage.scan("red", red.show(), HALL, wanted=("deny", "status.red"))
    await stage.scan(
        "yellow, staff decide", yellow.show(), HALL, wanted=("review", "status.yellow")
    )
    await stage.scan("yellow", yellow.show(), METRO, wanted=("deny", "status.yellow"))


async def _groups(stage: Stage, team: str, mixed: str) -> None:
    await stage.scan("group of two", team, MUSEUM, wanted=PASS)
    await stage.scan("group, one is red", mixed, MUSEUM, wanted=("deny", "group.exceptions"))
    await stage.scan("group", team, METRO, wanted=("deny", "place.kind"))


async def _pictures(stage: Stage, chen: Phone) -> None:
    two = _side_by_side(stage.picture(chen.show()), stage.picture(forged()))
    answer = await stage.doors.terminal(HALL, "/frame", two)
    wanted = ("deny", "picture.several")
    stage.note("two codes in view", HALL, answer, wanted=wanted, online=None)
    empty = to_png(np.full((720, 1280), 96, np.uint8))
    answer = await stage.doors.terminal(HALL, "/frame", empty)
    stage.note("no code in view", HALL, answer, wanted=("deny", "picture.none"), online=None)


async def _gate(stage: Stage) -> None:
    started = time.perf_counter()
    done = await steering.give_command(stage.doors, HALL, CommandType.OPEN_GATE, wait_s=30)
    took = (time.perf_counter() - started) * 1e3
    stage.fact(f"open-gate ({took:.0f} ms)", HALL, str(done["state"]), wanted="succeeded")


async def _cut_off(stage: Stage, people: list[Phone], paper: str, say: Say) -> None:
    first, second = people
    say(f"cutting {MUSEUM} off")
    await steering.switch_network(stage.doors, MUSEUM, cut=True)
    try:
        await stage.scan("a phone, cut off", first.show(), MUSEUM, wanted=PASS, online=False)
        await stage.scan(
            "the same person, cut off",
            first.show(),
            MUSEUM,
            wanted=("deny", "use.replayed"),
            online=False,
        )
        await stage.scan("paper, cut off", paper, MUSEUM, wanted=PASS, online=False)
        await stage.scan(
            "forged, cut off", forged(), MUSEUM, wanted=("deny", "trust.unknown_key"), online=False
        )
    finally:
        await steering.switch_network(stage.doors, MUSEUM, cut=False)
    say(f"joining {MUSEUM} again")
    await _until(lambda: _uploaded(stage.doors), f"{MUSEUM} to upload what it kept")
    stage.fact("records kept while cut off", MUSEUM, "uploaded", wanted="uploaded")
    await stage.scan(
        "passed while cut off, again online", first.show(), MUSEUM, wanted=("deny", "use.replayed")
    )
    await stage.scan("a phone, joined", second.show(), MUSEUM, wanted=PASS)


async def _two_people(stage: Stage, tang: Phone, say: Say) -> None:
    say(f"two people change a colour, while {MUSEUM} is cut off")
    ling, hao = [await acting(stage.doors, person) for person in ("ling", "hao")]
    await stage.scan("a phone, still green", tang.show(), METRO, wanted=PASS)
    await steering.switch_network(stage.doors, MUSEUM, cut=True)
    try:
        known = await _newest(stage)
        asked = {"kind": "colour", "person": tang.person, "to": "red"}
        why = {"reason": "test_result", "text": "laboratory 7"}
        made = await ling.issuing("/v1/proposals", asked | why)
        approve = f"/v1/proposals/{made['id']}/approve"
        refused = await _refusal(ling.issuing(approve, method="POST"))
        stage.fact("one person alone", "issuing", refused, wanted="proposal.own")
        done = await hao.issuing(approve, method="POST")
        stage.fact("another person", "issuing", str(done["state"]), wanted="done")
        await _known_to_workers(stage, known + 1)
        await stage.scan("the very next scan", tang.show(), HALL, wanted=("deny", "status.red"))
        await stage.scan("cut off, it is not known", tang.show(), MUSEUM, wanted=PASS, online=False)
        known = await _newest(stage)
    finally:
        await steering.switch_network(stage.doors, MUSEUM, cut=False)
    await _settled(stage, known, say)
    await stage.scan(
        "joined again", tang.show(), MUSEUM, wanted=("deny", "status.red"), online=None
    )


async def _refusal(asked: Awaitable[Answer]) -> str:
    """Return the code with which a door refuses."""
    try:
        await asked
    except LocalError as error:
        return str(error).rpartition(" ")[2]
    return "not refused"


async def _uploaded(doors: Doors) -> bool:
    state = await doors.terminal(MUSEUM, "/state")
    return state["outbox"]["waiting"] == 0 and bool(state["connectivity"]["online"])


async def _settled(stage: Stage, version: int, say: Say) -> None:
    """Wait until workers and terminals hold the health snapshot that knows everybody."""
    say("waiting until every worker and terminal knows everybody")

    async def terminals() -> bool:
        states = [await stage.doors.terminal(one, "/state") for one in (HALL, METRO, MUSEUM)]
        return all(one["equipped"] and one["bundles"].get(HEALTH, 0) >= version for one in states)

    await _known_to_workers(stage, version)
    await _until(terminals, "the terminals to take the newest status")


async def _known_to_workers(stage: Stage, version: int) -> None:
    async def workers() -> bool:
        return min(await _versions(stage)) >= version

    await _until(workers, "the workers to take the newest status")


async def _newest(stage: Stage) -> int:
    """Return the newest version that any worker knows."""
    return max(await _versions(stage))


async def _versions(stage: Stage) -> list[int]:
    # Which worker answers is the kernel's choice; this many connections reach them all.
    pages = [await stage.doors.verifier("/v1/bundles") for _ in range(WORKERS_ASKED)]
    return [_version(page) for page in pages]


def _version(page: Answer) -> int:
    """Return the newest version that a worker knows, by the deltas too."""
    rows = [row for row in page["bundles"] if row["name"] == HEALTH]
    return max((row.get("head", row["version"]) for row in rows), default=0)


async def _until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        if time.monotonic() > deadline:
            raise LocalError(f"waited {PATIENCE_S:.0f} s for {what}")
        await asyncio.sleep(_LOOK_S)


def _side_by_side(left: bytes, right: bytes) -> bytes:
    """Put two pictures into one frame, as two phones held up at once."""
    return to_png(np.hstack([read_picture(left), read_picture(right)]))

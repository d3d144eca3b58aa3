"""Chapters at the gates: who shows what where, online and cut off, and what must come of it."""

import time

import numpy as np

from deploy.demo import waits
from deploy.demo.people import DemoPhone, altered, forged
from deploy.demo.stage import HALL, METRO, MUSEUM, PASS, Stage
from deploy.local import terminals
from firmware_stubs.edge.scene import to_png
from fleet.contract.commands import CommandType
from verifier.barcode.decoded import read_picture


async def phones(stage: Stage, lin: DemoPhone, chen: DemoPhone, wu: DemoPhone) -> None:
    """Phones, a screenshot, a code for elsewhere, a sector that is not enabled."""
    stage.chapter = "phones"
    await stage.scan("a phone", lin.show(), HALL, wanted=PASS)
    await stage.scan("the same person again", lin.show(), HALL, wanted=("deny", "use.replayed"))
    await stage.scan("a phone", chen.show(), METRO, wanted=PASS)
    await stage.scan("a screenshot", chen.show(ago=300), METRO, wanted=("deny", "proof.stale"))
    await stage.scan(
        "shown for another place",
        chen.show(audience="place:elsewhere"),
        HALL,
        wanted=("deny", "proof.audience"),
    )
    await stage.scan("not enabled for transit", wu.show(), METRO, wanted=("deny", "sector.missing"))


async def forgeries(stage: Stage, paper: str, lin: DemoPhone) -> None:
    """Paper, right and forged; what is no code of ours."""
    stage.chapter = "paper and forgeries"
    await stage.scan("paper", paper, HALL, wanted=PASS)
    await stage.scan("paper where none is taken", paper, METRO, wanted=("deny", "place.static"))
    await stage.scan("forged paper", forged(), HALL, wanted=("deny", "trust.unknown_key"))
    await stage.scan(
        "altered phone code", altered(lin.show()), MUSEUM, wanted=("deny", "proof.bad")
    )
    wanted = ("deny", "format.unknown")
    await stage.scan("a shop's poster", "https://example.com", HALL, wanted=wanted, online=None)


async def colours(stage: Stage, red: DemoPhone, yellow: DemoPhone) -> None:
    """Who is not green."""
    stage.chapter = "colours"
    await stage.scan("red", red.show(), HALL, wanted=("deny", "status.red"))
    await stage.scan(
        "yellow, staff decide", yellow.show(), HALL, wanted=("review", "status.yellow")
    )
    await stage.scan("yellow", yellow.show(), METRO, wanted=("deny", "status.yellow"))


async def groups(stage: Stage, team: str, mixed: str) -> None:
    """Several people under one code."""
    stage.chapter = "groups"
    await stage.scan("a group of two", team, MUSEUM, wanted=PASS)
    await stage.scan("a group, one is red", mixed, MUSEUM, wanted=("deny", "group.exceptions"))
    await stage.scan("a group at a metro gate", team, METRO, wanted=("deny", "place.kind"))


async def pictures(stage: Stage, chen: DemoPhone) -> None:
    """Pictures without exactly one code."""
    stage.chapter = "pictures"
    two = _side_by_side(stage.picture(chen.show()), stage.picture(forged()))
    answer = await stage.doors.terminal(HALL, "/frame", two)
    wanted = ("deny", "picture.several")
    stage.note("two codes in view", HALL, answer, wanted=wanted, online=None)
    empty = to_png(np.full((720, 1280), 96, np.uint8))
    answer = await stage.doors.terminal(HALL, "/frame", empty)
    stage.note("no code in view", HALL, answer, wanted=("deny", "picture.none"), online=None)


async def gate(stage: Stage) -> None:
    """Open a gate from the fleet's side."""
    stage.chapter = "steering"
    started = time.perf_counter()
    done = await terminals.give_command(stage.doors, HALL, CommandType.OPEN_GATE, wait_s=30)
    took = (time.perf_counter() - started) * 1e3
    stage.fact("open the gate", HALL, str(done["state"]), wanted="succeeded", milliseconds=took)


async def cut_off(stage: Stage, first: DemoPhone, second: DemoPhone, paper: str) -> None:
    """Decide at a terminal without its centre, then upload what was kept."""
    stage.chapter = "cut off from the centre"
    await terminals.switch_network(stage.doors, MUSEUM, cut=True)
    try:
        await stage.scan("a phone", first.show(), MUSEUM, wanted=PASS, online=False)
        wanted = ("deny", "use.replayed")
        await stage.scan("the same person again", first.show(), MUSEUM, wanted=wanted, online=False)
        await stage.scan("paper", paper, MUSEUM, wanted=PASS, online=False)
        wanted = ("deny", "trust.unknown_key")
        await stage.scan("forged paper", forged(), MUSEUM, wanted=wanted, online=False)
    finally:
        await terminals.switch_network(stage.doors, MUSEUM, cut=False)
    await waits.uploaded(stage.doors, MUSEUM)
    stage.fact("joined: records uploaded", MUSEUM, "uploaded", wanted="uploaded")
    wanted = ("deny", "use.replayed")
    await stage.scan("who passed while cut off", first.show(), MUSEUM, wanted=wanted)
    await stage.scan("a phone", second.show(), MUSEUM, wanted=PASS)


def _side_by_side(left: bytes, right: bytes) -> bytes:
    """Put two pictures into one frame, as two phones held up at once."""
    return to_png(np.hstack([read_picture(left), read_picture(right)]))

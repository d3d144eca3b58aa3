"""The rows of processes: what is true of them, also where the list of processes is not."""

import asyncio
import os
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import msgspec

from deploy.local import pidfile
from deploy.status.advice import ADVICE
from deploy.status.answers import Answers, Heard
from deploy.status.look import look
from deploy.status.processes import processes
from deploy.status.report import Level
from deploy.status.supervisor import supervisor
from tests.support.data_folder import endpoints
from tests.support.house import wait_until

READY = Heard(status=HTTPStatus.OK, body={"ready": True})


def answers(**heard: Heard) -> Answers:
    """Return what processes said, by their names."""
    silent = Heard(why="no answer")
    return Answers(processes=heard, sources=silent, terminals=silent, heads=silent, store=silent)


def test_what_answers_runs_though_the_list_could_not_be_written(tmp_path: Path) -> None:
    """On a full disk the list of processes is that of before a restart; a silent one is away."""
    (tmp_path / "run").mkdir()
    gone = pidfile.StartedProcess(name="redis", pid=2**22 - 1, ticks=1, boot="earlier")
    pidfile.write(tmp_path / "run" / "children.json", (gone,))
    found = processes(tmp_path, answers(redis=READY, feeds=Heard(why="no answer")))
    codes = {row.subject: (row.level, row.code) for row in found.rows if row.subject != "kernel"}
    assert codes["redis"] == (Level.FINE, "")
    assert codes["feeds"] == (Level.PROBLEM, "process.away")


def test_a_process_without_files_says_so_though_it_answers_nobody(tmp_path: Path) -> None:
    """`kapok up` does not end such a one, so to wait for that would be for ever."""
    (tmp_path / "run").mkdir()
    mine = pidfile.identify("mosquitto", os.getpid())
    assert mine is not None
    pidfile.write(tmp_path / "run" / "children.json", (mine,))
    scarce = {"code": "files.scarce", "detail": "1020 of 1024 files"}
    heard = Heard(why="no answer", body={"warnings": (scarce,)})
    found = processes(tmp_path, answers(mosquitto=heard))
    codes = [row.code for row in found.rows if row.subject == "mosquitto"]
    assert codes == ["files.scarce", "process.silent"]


def test_a_house_that_is_starting_is_not_to_be_started(tmp_path: Path) -> None:
    """`kapok up` holds the folder and waits, such as for its store: so does its operator."""
    (tmp_path / "run").mkdir()
    (tmp_path / "keys" / "api").mkdir(parents=True)
    key = tmp_path / "keys" / "api" / "local-admin.key"
    key.write_text("kapok_local-admin_x\n")
    (tmp_path / "keys" / "redis").mkdir()
    (tmp_path / "keys" / "redis" / "status.key").write_text("x\n")
    told = endpoints(api_keys={"local-admin": str(key)})
    (tmp_path / "run" / "endpoints.json").write_bytes(msgspec.json.encode(told))
    waiting = [sys.executable, "-c", "input()", "deploy.local.up"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE) as up:
        (tmp_path / "lock").write_text(f"{up.pid}\n")
        wait_until(lambda: supervisor(tmp_path) == up.pid, "the kernel to tell its command")
        found = asyncio.run(look(tmp_path))
        up.communicate(b"\n")
    house = found.sections[0].rows[0]
    assert house.level is Level.PROBLEM
    assert house.do is not None
    assert "wait" in house.do
    assert "start the house" not in house.do


def test_no_advice_ends_a_process_that_may_be_loading() -> None:
    """What hangs is ended by `kapok up`; who waits loses nothing."""
    for code in ("process.silent", "house.away", "process.away"):
        assert "end it" not in ADVICE[code]

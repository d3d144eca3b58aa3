"""`kapok issue bulk` against the real issuing process, ended in the middle on either side."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from deploy.bulk.journal import BulkProgress
from deploy.local.errors import EXIT_FAILED, EXIT_USAGE
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support import data_folder
from tests.support.issued import LIST_SIZE
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.verifier_process import ADMIN_KEY, ROOT, eventually
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.service.store.planes import make_plane

LINES: Final = 8_000


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield an issuing process that the command finds by its data folder."""
    with issuing_house() as running:
        settings: Any = running.centre.redis_settings("issuing")

        async def prepare() -> None:
            redis = open_store(RedisSettings(**settings))
            await make_plane(redis, PlaneName(1, Plane.HEALTH), LIST_SIZE)
            await redis.aclose()

        asyncio.run(prepare())
        data_folder.issuing_at(running.centre.folder / "data", running.issuing.port, ADMIN_KEY)
        yield running


class Command:
    """The command on files of its own."""

    def __init__(self, house: IssuingHouse, folder: Path, file: Path) -> None:
        self.out, self.errors = folder / "out.ndjson", folder / "errors.ndjson"
        self._arguments = (
            *(sys.executable, "-m", "deploy.cli", "issue", "bulk", str(file)),
            *("--out", str(self.out), "--errors", str(self.errors)),
            *("--data", str(house.centre.folder / "data")),
        )

    def start(self) -> "subprocess.Popen[str]":
        """Start it."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        return subprocess.Popen(
            self._arguments, cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self) -> tuple[int, str]:
        """Run it to its end; return exit code and what it said."""
        process = self.start()
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    @property
    def progress(self) -> BulkProgress:
        """Return what the journal says; before there is one, nothing is done."""
        try:
            text = self.out.with_name("out.ndjson.job").read_bytes()
        except FileNotFoundError:
            return BulkProgress(job="")
        return msgspec.json.decode(text, type=BulkProgress)

    def rows(self) -> list[dict[str, Any]]:
        """Return the results."""
        return [msgspec.json.decode(line) for line in self.out.read_bytes().splitlines()]

    def refused(self) -> list[tuple[int, str]]:
        """Return line and code of the errors."""
        found = [msgspec.json.decode(line) for line in self.errors.read_bytes().splitlines()]
        return [(row["line"], row["code"]) for row in found]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with two bad lines and one person twice, far apart."""
    rows = [f"FILE-{number:06},paper,green,24,hall;transit=1" for number in range(LINES)]
    rows[17] = "FILE-17,paper,green,never,"
    rows[4_000] = "FILE-4000,paper,blue,24,"
    rows[7_777] = " file-000001 ,paper,green,24,"
    path = tmp_path_factory.mktemp("files") / "people.csv"
    path.write_text("reference,kind,colour,hours,sectors\n" + "\n".join(rows) + "\n")
    return path


def assert_whole(command: Command) -> None:
    """Everybody once, in order, and the three lines that cannot be."""
    rows = command.rows()
    assert [row["line"] for row in rows] == [
        number for number in range(2, LINES + 2) if number not in (19, 4_002, 7_779)
    ]
    assert max(Counter(row["credential_index"] for row in rows).values()) == 1
    assert max(Counter(row["person"] for row in rows).values()) == 1
    assert command.refused() == [
        (19, "line.field"), (4_002, "colour.unknown"), (7_779, "reference.twice"),
    ]  # fmt: skip
    assert b"FILE" not in command.errors.read_bytes().upper()


def test_either_side_may_be_ended_in_the_middle(
    house: IssuingHouse, file: Path, tmp_path: Path
) -> None:
    """The command is killed and given again; then the issuing process, which it waits for."""
    command = Command(house, tmp_path, file)
    process = command.start()
    eventually("two batches are done", lambda: command.progress.batch >= 2, within=30)
    process.kill()
    process.communicate()
    reached = command.progress
    assert 2 <= reached.batch < LINES // 1_000
    process = command.start()
    eventually("one more is done", lambda: command.progress.batch > reached.batch, within=30)
    house.issuing.kill()
    assert process.poll() is None
    house.issuing.start()
    process.communicate(timeout=60)
    assert process.returncode == EXIT_FAILED
    assert_whole(command)
    assert command.progress.job == reached.job


def test_a_finished_job_is_finished(house: IssuingHouse, tmp_path: Path) -> None:
    """Given again it says the same and issues nothing; NDJSON this time, and phones."""
    path = tmp_path / "people.ndjson"
    rows = [{"kind": "phone", "reference": f"DONE-{number}"} for number in range(5)]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    command = Command(house, tmp_path, path)
    first = command.run()
    assert first[0] == 0
    before = command.out.read_bytes()
    assert command.run() == first
    assert command.out.read_bytes() == before
    assert all("text" not in row for row in command.rows())


def test_another_job_says_how_many_were_known(house: IssuingHouse, tmp_path: Path) -> None:
    """They have one credential more each; and lines in GBK are named so."""
    path = tmp_path / "people.csv"
    path.write_text("reference,hours\nKNOWN-1,1\nKNOWN-2,1\n")
    (tmp_path / "first").mkdir()
    assert Command(house, tmp_path / "first", path).run() == (0, "2 lines: 2 issued, 0 refused\n")
    with path.open("ab") as file:
        file.write("NEW-10001,1\n粤A-10001,1\n".encode("gbk"))
    code, said = Command(house, tmp_path, path).run()
    assert (code, "4 lines: 3 issued, 1 refused" in said) == (EXIT_FAILED, True)
    assert "2 of the 3 were known before" in said
    assert "1 lines are not UTF-8: it is GBK" in said


def test_another_file_under_the_same_journal_is_refused(
    house: IssuingHouse, tmp_path: Path
) -> None:
    """A job goes on with what it began with."""
    path = tmp_path / "people.csv"
    path.write_text("reference,hours\nOTHER-1,1\n")
    command = Command(house, tmp_path, path)
    assert command.run()[0] == 0
    journal = command.out.with_name("out.ndjson.job")
    unfinished = msgspec.structs.replace(command.progress, finished=False)
    journal.write_bytes(msgspec.json.encode(unfinished))
    path.write_text("reference,hours\nOTHER-2,1\n")
    assert command.run()[0] == EXIT_USAGE
    assert len(command.rows()) == 1

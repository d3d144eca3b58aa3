"""The demo sender against a real feeds process: large files, interruptions, reconciliation."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.feed import sender as client
from deploy.feed.files import PART_BYTES
from deploy.local.doors import Doors
from deploy.local.errors import LocalError, UsageError
from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.feeds_house import KEY, FeedsHouse, Sender, feeds_house, lines
from tests.support.verifier_process import eventually
from verifier.contract.vocabulary import Plane

FAST = "[limits]\nlines_per_second = 1000000"


@pytest.fixture(scope="module")
def house() -> Iterator[FeedsHouse]:
    """One process for the file."""
    with feeds_house() as it:
        for name in ("keys/feeds", "feeds/sent"):
            (it.folder / name).mkdir(parents=True)
        yield it


def doors(house: FeedsHouse, call: Callable[[Doors], Awaitable[Any]]) -> Any:
    """Run a coroutine with the doors of the house."""

    async def run() -> Any:
        endpoints = data_folder.endpoints(feeds_url=f"http://127.0.0.1:{house.process.port}")
        async with aiohttp.ClientSession() as session:
            return await call(Doors(house.folder, endpoints, KEY, session))

    return asyncio.run(run())


def source(house: FeedsHouse, name: str) -> Sender:
    """Make a source whose key the sender has."""
    sender = house.sender(name, tables=FAST)
    (house.folder / "keys" / "feeds" / f"{name}.pem").write_bytes(house.key.to_pem())
    return sender


def send(house: FeedsHouse, name: str, path: Path | None) -> dict[str, Any]:
    """Send a file."""
    found: dict[str, Any] = doors(house, lambda it: client.send_file(it, house.folder, name, path))
    return found


def test_a_file_of_several_parts_is_sent_and_both_sides_agree(
    house: FeedsHouse, tmp_path: Path
) -> None:
    """Parts end inside lines; an empty batch follows; reconciliation says equal."""
    source(house, "large")
    path = tmp_path / "large.ndjson"
    path.write_bytes(lines([(index, "red", 0) for index in range(20_000)]))
    assert path.stat().st_size > PART_BYTES
    assert send(house, "large", path)["applied"] == 20_000
    assert send(house, "large", None)["sequence"] == 2
    assert house.value(Plane.HEALTH, 19_999) == 3
    found = doors(house, lambda it: client.reconcile(it, house.folder, "large"))
    assert (found["standing"], found["counts_equal"]) == ("equal", True)
    (row,) = [row for row in doors(house, client.source_rows) if row[0] == "large"]
    assert row[2] == "fresh"


def test_an_empty_batch_of_a_source_without_health(house: FeedsHouse, tmp_path: Path) -> None:
    """It names a plane that the source may feed; a file without lines does too."""
    house.write_source("laboratory", tables=FAST)
    path = house.folder / "sources" / "laboratory.toml"
    path.write_text(path.read_text().replace('health = ["green", "yellow", "red"]\n', ""))
    house.reread()
    eventually("the source is known", lambda: house.known("laboratory"))
    (house.folder / "keys" / "feeds" / "laboratory.pem").write_bytes(house.key.to_pem())
    header = tmp_path / "none.csv"
    header.write_text("ref,plane,value,at\n")
    assert send(house, "laboratory", None)["state"] == "applied"
    assert send(house, "laboratory", header)["state"] == "applied"


def test_the_counts_that_are_said_add_up(house: FeedsHouse, tmp_path: Path) -> None:
    """A header is no line about anybody; the sum is that of the lines."""
    source(house, "columns")
    path, now = tmp_path / "some.csv", int(time.time())
    rows = [f"{index},health,red,{now}" for index in (1, 2, 3, 3)]
    path.write_text("\n".join(["person,plane,value,at", *rows]) + "\n")
    data_folder.feeds_at(house.folder, house.process.port, KEY)
    done = kapok("feed", "send", path, "--source", "columns", "--data", house.folder)
    found = re.search(
        r"header and (\d+) lines = (\d+) applied \+ (\d+) overtaken \+ (\d+) of \w+ \+ (\d+)",
        done.out,
    )
    assert found is not None, done
    lines_, *parts = map(int, found.groups())
    assert (lines_, sum(parts)) == (4, 4)


def test_an_interrupted_sending_goes_on_as_the_same_batch(
    house: FeedsHouse, tmp_path: Path
) -> None:
    """What was begun is found in the sender's log, and what is missing is sent."""
    sender = source(house, "broken-off")
    path = tmp_path / "some.ndjson"
    path.write_bytes(lines([(index, "yellow", 0) for index in range(30_000, 50_000)]))
    with pytest.MonkeyPatch.context() as patch:
        # The second part is where the sender dies.
        patch.setattr(client, "part_of", _one_part(client.part_of))
        with pytest.raises(InterruptedError):
            send(house, "broken-off", path)
    batch = sender.state()["open_batch"]
    assert 0 < batch["octets"] < path.stat().st_size
    report = send(house, "broken-off", path)
    assert (report["batch"], report["applied"]) == (batch["batch"], 20_000)


def _one_part(real: Callable[[Path, int], bytes]) -> Callable[[Path, int], bytes]:
    def part(path: Path, offset: int) -> bytes:
        if offset:
            raise InterruptedError
        return real(path, offset)

    return part


def test_a_refusal_is_one_line_and_the_mended_file_is_taken(
    house: FeedsHouse, tmp_path: Path
) -> None:
    """With the first wrong lines; the same file again is a new batch, judged anew."""
    source(house, "mended")
    path = tmp_path / "wrong.ndjson"
    path.write_bytes(lines([(1, "red", 0), (69_000, "red", 0)]))
    for _ in range(2):
        with pytest.raises(LocalError) as caught:
            send(house, "mended", path)
        assert "line 2" in str(caught.value)
    path.write_bytes(lines([(1, "red", 0)]))
    assert send(house, "mended", path)["sequence"] == 1


def test_a_source_without_a_key_here(house: FeedsHouse) -> None:
    """Somebody else's source."""
    house.sender("foreign")
    with pytest.raises(UsageError):
        send(house, "foreign", None)

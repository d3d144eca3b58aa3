"""The demo sender against a real feeds process: large files, interruptions, reconciliation."""

import asyncio
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
from tests.support.feeds_house import KEY, FeedsHouse, Sender, feeds_house, lines
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

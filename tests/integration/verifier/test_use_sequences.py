"""The vectors of uses, played by the real store's function."""

from collections.abc import Iterator

import pytest

from tests.support.redis_server import RedisServer, redis_server
from tests.support.sequences import SEQUENCES, of_kind, read_uses
from tests.support.store_line import StoreLine, new_scan
from tests.support.vectors import load
from verifier.service.store.scans import Fresh, StoredBefore


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Run a store."""
    with redis_server() as running:
        yield running


@pytest.mark.parametrize("name", of_kind("uses"))
def test_the_store_takes_uses(name: str, server: RedisServer) -> None:
    """Each scan is answered as the vector says; a repeated one with its first answer."""
    with server.client() as admin:
        admin.flushall()
    ids: dict[int, bytes] = {}
    with StoreLine(server) as line:
        for step in load(SEQUENCES[name])["steps"]:
            scan_id = ids.setdefault(step["scan"], new_scan())
            found = line.scan(scan_id, *read_uses(step))
            assert isinstance(found, Fresh | StoredBefore)
            assert (found.answer.value, list(found.members)) == (step["expect"], step["members"])

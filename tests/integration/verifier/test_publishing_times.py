"""When planes are published: a clock set back, and what only the whole plane tells."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plane_scene import NAME, Scene, on, until
from tests.support.redis_server import RedisServer, redis_server
from verifier.service.issuing.planes import publisher as under_test
from verifier.service.store.planes import changes_key

HOUR_S = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One server for the file; each test begins with an empty store."""
    with redis_server() as running:
        yield running


def test_a_clock_set_back_leaves_no_plane_younger_than_it_is(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is confirmed anew at once, not when the clock has come to where it was."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            moment = time.time() - HOUR_S
            monkeypatch.setattr(under_test, "now", lambda: moment)

            async def older() -> bool:
                return (await scene.followed()).as_of <= moment

            await until("its age is honest", older)

    on(server, tmp_path, steps)


def test_what_only_the_whole_plane_tells_waits_for_no_snapshot(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However young the last one is: the changes behind the mark wait with it."""
    monkeypatch.setattr(under_test, "START_OVER_S", 60.0)

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            pass
        async with scene.publisher():
            await scene.redis.xadd(changes_key(NAME), {"all": "1"})
            await scene.change((5, 3))
            await until("all is published", scene.complete)
            assert (await scene.followed()).values[5] == 3

    on(server, tmp_path, steps)

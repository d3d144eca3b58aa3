"""A store that loads for longer than a start may take, with the real Redis, slowed down."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import passwords
from deploy.local.child import Child, ChildState, ChildStatus, RedisReady
from deploy.local.children import Children
from deploy.local.errors import ChildFailedError
from deploy.local.redis import access_list, configuration
from deploy.local.store_users import LOADER
from deploy.status.answers import ask_store
from tests.support.data_folder import endpoints

COMMANDS = 80_000
DELAY_US = 10
"""Microseconds that Redis sleeps at least at each command of its file: six seconds in all."""
READY_S = 3.0
"""For a child to be ready in; loading takes longer."""
SET = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\n1\r\n"


@pytest.fixture
def data() -> Iterator[Path]:
    """Make a data folder whose store has a long file."""
    with tempfile.TemporaryDirectory(prefix="kapok-l-") as name:
        folder = Path(name)
        for each in ("keys/redis", "redis/appendonlydir", "run", "log"):
            (folder / each).mkdir(parents=True)
        passwords.make_redis_passwords(folder)
        (folder / "redis/appendonlydir/appendonly.aof.manifest").write_text(
            "file appendonly.aof.1.incr.aof seq 1 type i\n"
        )
        (folder / "redis/appendonlydir/appendonly.aof.1.incr.aof").write_bytes(COMMANDS * SET)
        yield folder


def store(data: Path) -> Child:
    """Describe its Redis, slowed down."""
    acl, conf = data / "run/redis.acl", data / "run/redis.conf"
    acl.write_text(access_list(passwords.redis_passwords(data)))
    text = configuration(socket=data / "redis.sock", folder=data / "redis", acl=acl)
    conf.write_text(f"{text}key-load-delay {DELAY_US}\n")
    return Child(
        name="redis",
        argv=("redis-server", str(conf)),
        env={"PATH": os.environ["PATH"] + ":/usr/bin:/usr/sbin"},
        ready=RedisReady(
            socket=data / "redis.sock",
            user=LOADER,
            password_file=data / "keys/redis" / f"{LOADER}.key",
        ),
        ready_seconds=READY_S,
    )


def test_a_store_is_waited_for_while_it_comes_forward(data: Path) -> None:
    """It is ready at last, and each tenth of its loading was said; status says to wait."""

    async def scene() -> tuple[ChildFailedError | None, list[ChildStatus], list[str], float]:
        seen: list[ChildStatus] = []
        children = Children(logs=data / "log", pids=data / "run/children.json", changed=seen.append)
        begun = time.monotonic()
        starting = asyncio.ensure_future(children.start([store(data)]))
        codes: list[str] = []
        failed = None
        try:
            while not starting.done():
                heard = await ask_store(data, endpoints(redis_socket=str(data / "redis.sock")))
                found = heard.body.get("problems", ())
                codes += [f"{row['code']} {row['detail']}" for row in found]
                await asyncio.sleep(0.1)
            await starting
        except ChildFailedError as error:
            failed = error
        took = time.monotonic() - begun
        await children.stop()
        return failed, seen, codes, took

    failed, seen, codes, took = asyncio.run(scene())
    assert failed is None
    assert took > READY_S
    said = [str(each.problem) for each in seen if each.state is ChildState.STARTING]
    assert sum("%" in each for each in said) > 3
    assert any(each.startswith("store.loading ") and "%" in each for each in codes)

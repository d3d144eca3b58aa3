"""The configuration of our Redis, on a real server in a folder with a space in its name."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local import passwords
from deploy.local.child import Child
from deploy.local.children import Children
from deploy.local.data import FOLDERS
from deploy.local.house import House, Ports
from deploy.local.table import redis_child


def with_redis(check: Callable[[House], None], *, times: int = 1) -> None:
    """Start our Redis as the table says, run the check beside it, stop it."""
    with (
        tempfile.TemporaryDirectory(prefix="kapok d ") as data,
        tempfile.TemporaryDirectory(prefix="kapok-s-") as sockets,
    ):
        house = House(
            data=Path(data),
            code=Path(),
            sockets=Path(sockets),
            ports=Ports(),
            python=Path("python3"),
            pythonpath="",
            own_ports=(1,),
        )
        for name in FOLDERS:
            (house.data / name).mkdir(parents=True)
        passwords.make_redis_passwords(house.data)
        for _ in range(times):
            asyncio.run(_scene(redis_child(house), house, check))


async def _scene(child: Child, house: House, check: Callable[[House], None]) -> None:
    children = Children(logs=house.data / "log", pids=house.run / "children.json")
    try:
        await children.start([child])
        await asyncio.to_thread(check, house)
    finally:
        await children.stop()


def connect(house: House, user: str) -> redis.Redis:
    """Open the server's socket as one of its users."""
    password = passwords.read_secret(house.redis_password(user))
    return redis.Redis(
        unix_socket_path=str(house.redis_socket),
        username=user,
        password=password,
        decode_responses=True,
    )


def refused(house: House, user: str, *command: str | int) -> bool:
    """Tell whether the server denies a user a command."""
    with connect(house, user) as client:
        try:
            client.execute_command(*command)
        except redis.exceptions.NoPermissionError:
            return True
        return False


def test_every_write_is_on_disk_and_nothing_listens() -> None:
    """The server itself says so: append-only, fsync always, no TCP port, no eviction."""

    def check(house: House) -> None:
        with connect(house, "issuing") as client:
            told = {
                name: client.config_get(name)[name]
                for name in ("appendonly", "appendfsync", "port", "maxmemory-policy", "save")
            }
        assert told == {
            "appendonly": "yes",
            "appendfsync": "always",
            "port": "0",
            "maxmemory-policy": "noeviction",
            "save": "",
        }

    with_redis(check)


def test_what_was_written_is_found_by_the_next_start() -> None:
    """The counter goes on where it was."""
    seen: list[int] = []

    def check(house: House) -> None:
        with connect(house, "issuing") as client:
            seen.append(int(client.hincrby("v:{status}:starts", "n", 1)))

    with_redis(check, times=2)
    assert seen == [1, 2]


def test_what_a_transaction_wrote_is_found_by_the_next_start() -> None:
    """Redis replays transactions as its default user: it must be allowed what services are."""
    seen: list[int] = []

    def check(house: House) -> None:
        with connect(house, "issuing") as client:
            pipeline = client.pipeline(transaction=True)
            pipeline.hincrby("v:{status}:starts", "n", 1)
            pipeline.hincrby("v:{status}:other", "n", 1)
            seen.append(int(pipeline.execute()[0]))

    with_redis(check, times=2)
    assert seen == [1, 2]


def test_each_service_sees_its_own_prefix_and_no_switch() -> None:
    """Keys of the other, the server's switches and a caller without a password are refused."""

    def check(house: House) -> None:
        assert not refused(house, "issuing", "SET", "v:{status}:x", 1)
        assert refused(house, "issuing", "SET", "f:x", 1)
        assert not refused(house, "fleet", "SET", "f:x", 1)
        assert refused(house, "fleet", "GET", "v:{status}:x")
        for command in (("FLUSHALL",), ("SHUTDOWN",), ("CONFIG", "SET", "appendfsync", "no")):
            assert refused(house, "issuing", *command)
            assert refused(house, "fleet", *command)
        with redis.Redis(
            unix_socket_path=str(house.redis_socket), retry=Retry(NoBackoff(), 0)
        ) as stranger:
            try:
                stranger.ping()
            except redis.exceptions.AuthenticationError:
                return
        raise AssertionError("a stranger was let in")

    with_redis(check)


def test_the_access_list_holds_no_password() -> None:
    """Only digests are written beside the configuration."""

    def check(house: House) -> None:
        text = (house.configuration("redis") / "redis.acl").read_text()
        for password in passwords.redis_passwords(house.data).values():
            assert password not in text

    with_redis(check)

"""Each role attacks the store with the credentials that its own settings name.

A real Redis as the table starts it, with the real access list: what a taken-over process could do
there. That each role's real work still succeeds is shown by every other integration test, which
runs under the same access list.
"""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import redis

from deploy.local import passwords
from deploy.local.children import Children
from deploy.local.credentials import hand_over
from deploy.local.data import FOLDERS
from deploy.local.holders import secrets_of
from deploy.local.house import House, Ports, endpoints
from deploy.local.passwords import make_redis_passwords
from deploy.local.settings import write_settings
from deploy.local.store_users import LOADER, STATUS
from deploy.local.table import redis_child
from deploy.status.answers import Heard, ask_store
from tests.support.centre import eventually
from verifier.service.store.budgets import REFUSED, SPENT

PLANE: Final = "v:{status}:plane:1:health"
REVOKED: Final = "v:{status}:plane:1:revocation"
CHANGES: Final = "v:{status}:changes:1:health"
PROPOSAL: Final = "v:{status}:proposal:00"
RECORDS: Final = "v:{07}:r:490000"
CLAIM: Final = "v:{07}:u:claim"
LIBRARY: Final = (
    "#!lua name=kapok\nredis.register_function('kapok_scan', function() return 'f' end)"
)
OTHER: Final = (
    "#!lua name=kapok\nredis.register_function{function_name='kapok_version',"
    " callback=function() return 'another' end, flags={'no-writes'}}"
)
SWITCHES: Final = (
    ("CONFIG", "SET", "appendfsync", "no"),
    ("ACL", "SETUSER", "worker", "+@all"),
    ("FLUSHALL",),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("KEYS", "*"),
    ("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, PLANE),
)
FUNCTIONS: Final = (
    ("FUNCTION", "LOAD", "REPLACE", LIBRARY),
    ("FUNCTION", "FLUSH"),
    ("FUNCTION", "DELETE", "kapok"),
    ("FUNCTION", "RESTORE", b"\x00"),
)
PLANES: Final = (
    ("SET", PLANE, "\x55"),
    ("SETRANGE", PLANE, 0, "\x55"),
    ("DEL", PLANE),
    ("HSET", "v:{status}:planes", "1:health", "destroyed"),
    ("HSET", "v:{status}:heads", "1:health", "1:00:1"),
    ("DEL", "v:{status}:deltas:1:health"),
    ("SETRANGE", REVOKED, 0, "\0"),
    ("BITFIELD", REVOKED, "SET", "u1", 0, 0),
    ("XADD", "v:{status}:changes:1:revocation", "*", "c", "\0\0\0\0\0"),
)
COLOURS: Final = (("BITFIELD", PLANE, "SET", "u2", 0, 1), ("XADD", CHANGES, "*", "c", "x"))
DECISIONS: Final = (
    ("SET", PROPOSAL, "{}"),
    ("DEL", PROPOSAL),
    ("ZADD", "v:{status}:proposals", 1, "00"),
    ("HINCRBY", "v:{status}:proposed:1", "ling", -400),
)
BUNDLES: Final = (
    ("SET", "v:bundle:trust", "x"),
    ("HSET", "v:bundles", "trust", "9:00"),
    ("DEL", "v:bundle:trust"),
)
PERSONS: Final = (
    ("HSET", "v:person:1:00000", "field", 1),
    ("SETBIT", "v:taken:1:person", 0, 0),
    ("SETBIT", "v:{status}:erased:1", 0, 0),
    ("HSET", "v:credentials:1:0", 0, "row"),
    ("SET", "v:issued:request", "x"),
)
SCANS: Final = (
    ("XADD", RECORDS, "*", "r", "x", "a", "f"),
    ("SET", CLAIM, "another"),
    ("DEL", CLAIM),
    ("HSET", "v:{07}:i:490000:00", "scan", "x"),
)
ENDED: Final = (("UNLINK", RECORDS),)
"""What the archive does with records that it moved, and nobody else."""
HISTORY: Final = (
    *ENDED,
    ("DEL", RECORDS),
    ("XDEL", RECORDS, "1-1"),
    ("XTRIM", RECORDS, "MAXLEN", 0),
    ("RENAME", RECORDS, "v:{07}:x"),
)
STAGE: Final = (("XDEL", "v:{status}:staged", "1-1"), ("XTRIM", "v:{status}:staged", "MAXLEN", 0))
SOURCES: Final = (
    ("SET", "v:{status}:feed:hospital", "{}"),
    ("HSET", "v:feed-reports:hospital", 1, "{}"),
    ("SETRANGE", "v:{status}:seen:1:health:1:0", 0, "\0\0"),
)
CASES: Final = (("HSET", "v:{corrections}:open", "00", "{}"), ("DEL", "v:{corrections}:open"))
FLEET: Final = (("SET", "f:{s1}:lease", "me"), ("HGETALL", "f:{grants}:signed"))
GRANTS: Final = (("HSET", "v:grants", "t-1", "9|x"),)
READING: Final = (("GET", PROPOSAL), ("HGETALL", "v:person:1:00000"), ("GET", PLANE))
NEVER: Final = (*SWITCHES, *FUNCTIONS)
ATTACKS: Final[dict[str, tuple[tuple[Any, ...], ...]]] = {
    "worker-0": (
        *NEVER, *PLANES, *COLOURS, *DECISIONS, *BUNDLES, *PERSONS, *HISTORY, *SOURCES, *CASES,
        *FLEET, *READING,
    ),
    "issuing": (*NEVER, *SCANS, *HISTORY, *FLEET, *GRANTS),
    "feeds": (
        *NEVER, *PLANES, *COLOURS, *DECISIONS, *BUNDLES, *PERSONS, *SCANS, *HISTORY, *FLEET,
        *GRANTS, *STAGE, SOURCES[0], SOURCES[2], ("GET", PROPOSAL),
        ("SET", "v:{corrections}:other", "x"),
    ),
    "archive": (
        *NEVER, *PLANES, *COLOURS, *DECISIONS, *BUNDLES, *PERSONS, *SCANS, *HISTORY[1:], *SOURCES,
        *CASES, *FLEET, *GRANTS, *READING,
    ),
    "fleet": (
        *NEVER, *PLANES, *COLOURS, *DECISIONS, *BUNDLES, *PERSONS, *SCANS, *HISTORY, *SOURCES,
        *CASES, *GRANTS, *READING,
    ),
}  # fmt: skip
CALLS: Final[dict[str, tuple[tuple[Any, ...], ...]]] = {
    "worker-0": (
        ("FCALL", "kapok_change", 2, "v:{status}:planes", "v:{status}:x", "n", "", "x"),
        ("FCALL", "kapok_change", 2, "v:{07}:i:1:0", "v:{status}:proposal:1", "a", "", "x"),
        ("FCALL", "kapok_keep_newest", 1, "v:{07}:r:490000", "field", "1", "x"),
        ("FCALL", "kapok_close_case", 2, "v:{07}:i:1:0", "v:{corrections}:open", "00", "", "x"),
    ),
    "feeds": (
        ("FCALL", "kapok_change", 2, "v:{status}:planes", PROPOSAL, "a", "", "{}"),
        ("FCALL", "kapok_publish", 4, *(f"v:{{status}}:{k}" for k in ("planes", "heads", "d", "c")),
         "1:health", "", "", "1", "delta", "", "0"),
        ("FCALL", "kapok_condemn", 6, "v:{status}:planes", *(f"v:{{status}}:{n}" for n in "abcd"),
         "v:{status}:heads", "1:health"),
        ("FCALL", "kapok_load_persons", 1, "v:{status}:person", "field", "1"),
    ),
}  # fmt: skip
"""Functions called with keys of others: their commands have the caller's rights."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Run the house's Redis, with the settings of every process beside it."""
    with (
        tempfile.TemporaryDirectory(prefix="kapok-d-") as data,
        tempfile.TemporaryDirectory(prefix="kapok-s-") as sockets,
    ):
        it = House(
            data=Path(data), code=Path(), sockets=Path(sockets), ports=Ports(),
            python=Path("python3"), pythonpath="", own_ports=(1,),
        )  # fmt: skip
        for name in FOLDERS:
            (it.data / name).mkdir(parents=True, exist_ok=True)
        make_redis_passwords(it.data)
        passwords.make_api_keys(it.data)
        _settings(it)
        stop, started = asyncio.Event(), threading.Event()
        with ThreadPoolExecutor(1) as pool:
            loop = asyncio.new_event_loop()
            running = pool.submit(loop.run_until_complete, _supervised(it, stop, started))
            try:
                assert started.wait(60)
                yield it
            finally:
                loop.call_soon_threadsafe(stop.set)
                running.result()
                loop.close()


async def _supervised(house: House, stop: asyncio.Event, started: threading.Event) -> None:
    children = Children(logs=house.data / "log", pids=house.run / "children.json")
    try:
        await children.start([redis_child(house)])
        started.set()
        await stop.wait()
    finally:
        await children.stop()


def _settings(house: House) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy.local.settings.registered_generation", lambda _data, _name: 1)
        write_settings(house)


def opened(house: House, process: str) -> redis.Redis:
    """Enter the store as a process does: by its settings file."""
    told: Any = msgspec.json.decode(house.settings(process).read_bytes())["redis"]
    hand_over(house.data, secrets_of(process), house.credentials(process))
    password = Path(told["password_file"]).read_text().strip()
    return redis.Redis(unix_socket_path=told["socket"], username=told["user"], password=password)


def answer(client: redis.Redis, command: tuple[Any, ...]) -> str:
    """Return how the server answered: `denied`, `done`, or its error."""
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return "denied"
    except redis.exceptions.ResponseError as error:
        of_function = "The user executing the script can't" in str(error)
        return "denied" if of_function else str(error)
    return "done"


async def _heard(house: House) -> Heard:
    """Ask the store as `kapok status` does."""
    return await ask_store(house.data, endpoints(house))


@pytest.mark.parametrize("process", ATTACKS)
def test_a_taken_over_process_cannot(house: House, process: str) -> None:
    """Every command of its row is denied to the very credentials that the process holds."""
    with opened(house, process) as client:
        allowed = [it for it in ATTACKS[process] if answer(client, it) != "denied"]
    assert not allowed


@pytest.mark.parametrize("process", CALLS)
def test_a_function_has_no_more_rights_than_its_caller(house: House, process: str) -> None:
    """A function that is given other keys than its own is stopped at its first command."""
    with opened(house, process) as client:
        answers = {it[1:4]: answer(client, it) for it in CALLS[process]}
    assert set(answers.values()) == {"denied"}, answers


def test_functions_come_back_by_themselves(house: House) -> None:
    """A store whose functions are others gets ours from whoever supervises it."""
    password = passwords.read_secret(house.redis_password(LOADER))
    with (
        opened(house, "worker-0") as client,
        redis.Redis(
            unix_socket_path=str(house.redis_socket), username=LOADER, password=password
        ) as loader,
    ):
        ours = client.execute_command("FCALL_RO", "kapok_version", 0)
        loader.function_load(OTHER, replace=True)
        assert client.execute_command("FCALL_RO", "kapok_version", 0) != ours
        eventually(
            "the functions are back",
            lambda: client.execute_command("FCALL_RO", "kapok_version", 0) == ours,
        )
        assert answer(loader, ("GET", PLANE)) == "denied"
        assert answer(loader, ("SET", PLANE, "x")) == "denied"


def test_status_reads_what_it_shows_and_nothing_else(house: House) -> None:
    """The server's own figures and the budgets of acts; no value of a person."""
    password = passwords.read_secret(house.redis_password(STATUS))
    shown = (
        *(("INFO",), ("DBSIZE",), ("TIME",), ("CONFIG", "GET", "appendfsync")),
        *(("HGETALL", key) for key in (SPENT, REFUSED)),
    )
    said = asyncio.run(_heard(house))
    assert said.status == HTTPStatus.OK, said.why
    with redis.Redis(
        unix_socket_path=str(house.redis_socket), username=STATUS, password=password
    ) as client:
        assert {answer(client, it) for it in shown} == {"done"}
        others = (*NEVER, *PLANES, *COLOURS, *DECISIONS, *READING, ("HSET", SPENT, "x", "1"))
        assert [it for it in others if answer(client, it) != "denied"] == []

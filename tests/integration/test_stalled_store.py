"""A store that stands still for seconds does every write once: nothing is sent again.

A row of a table is a kind of write. Whoever adds one adds a row, or the first test fails.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from fleet.contract.topics import Shard
from fleet.service.store import grants, leases, shards
from tests.support.redis_server import RedisServer, redis_server
from tests.support.stalled_store import READS, Call, stall
from tests.support.store_writes import GRANT, WRITES, prepare
from tests.support.verifier_process import ROOT

_STORES: Final = ("verifier/service/store", "fleet/service/store")
_CLIENTS: Final = frozenset(("redis", "_redis", "pipeline"))
_NO_WRITE: Final = {name.lower() for name in READS} | {
    "pipeline", "execute", "aclose", "scan_iter", "connection_pool",
}  # fmt: skip


async def _written(redis: Redis) -> object:
    """Write a batch of a shard under a fence."""
    write = shards.FencedWrite.under(Shard("4"), leases.Fence(1), before="", turn="1")
    write.add("XADD", leases.tag(Shard("4")) + "dead", "*", "why", "a test")
    return await shards.write_all(redis, [write])


def _leases(redis: Redis) -> leases.Leases:
    return leases.Leases(redis=redis, holder="one")


FLEET: Final[Mapping[str, Call]] = MappingProxyType(
    {
        "grants.publish": lambda r: grants.publish(r, 0, ((GRANT, b"signed"),)),
        "leases.take": lambda r: _leases(r).take(Shard("1"), own=True),
        "leases.renew": lambda r: _leases(r).renew(Shard("2"), leases.Fence(1)),
        "leases.release": lambda r: _leases(r).release(Shard("3"), leases.Fence(1)),
        "shards.write_all": _written,
    }
)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Run one store for the file."""
    with redis_server() as it:
        yield it


async def _fenced(redis: Redis) -> None:
    await redis.set(leases.fence_key(Shard("4")), "1")


@pytest.mark.parametrize(
    ("writes", "before"), [(WRITES, prepare), (FLEET, _fenced)], ids=("verifier", "fleet")
)
def test_a_stalled_store_does_each_write_once(
    server: RedisServer, writes: Mapping[str, Call], before: Call
) -> None:
    """Redis stands still for 2.5 seconds under the first write of every kind."""
    found = stall(server, writes, before)
    assert found.twice == []
    assert found.wrote == set(writes)
    for kind, outcome in found.outcomes.items():
        # Whoever called hears that nobody knows, and may look.
        assert isinstance(outcome, RedisError) or "Outage" in repr(outcome), (kind, outcome)


def test_every_kind_of_write_has_a_row() -> None:
    """What writes stands in the table, and stands in a file of the store."""
    for folder, table in zip(_STORES, (WRITES, FLEET), strict=True):
        found = set()
        for path in sorted((ROOT / folder).glob("*.py")):
            found |= {f"{path.stem}.{name}" for name in _writers(path)}
        assert found - {"shards.call"} == set(table), folder
    for service in ("verifier/service", "fleet/service"):
        for path in (ROOT / service).rglob("*.py"):
            if path.parent.name != "store":
                assert _called(ast.parse(path.read_text(encoding="utf-8"))) <= _NO_WRITE, path


def _called(tree: ast.AST) -> set[str]:
    """Return the methods of clients that are called."""
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _name(node.func.value) in ("redis", "_redis")
    }


def _name(node: ast.expr) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _writers(path: Path) -> set[str]:
    """Return the functions of a file that send Redis something else than what only reads."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _writes(node):
            found.add(node.name)
    return found


def _writes(function: ast.AST) -> bool:
    words = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
    if "FCALL" in words:
        return True
    called = {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and _name(node.value) in _CLIENTS
    }
    if "BITFIELD_RO" in words:
        called.discard("execute_command")
    return bool(called - _NO_WRITE)

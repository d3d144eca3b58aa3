"""Data folders as earlier schemas made them, written from values; nothing of the product is used.

A new schema adds the files that its first start makes, and what made the schema before.
"""

import secrets
import shutil
from pathlib import Path
from typing import Final

import redis

from tests.support.redis_server import redis_server

_SIGNING: Final = ("bundle", "export", "grant", "issuer", "operator", "root", "status")
_TERMINALS: Final = ("culture-1", "hall-1", "transit-1")
_IDENTITY: Final = ("ca", "cert", "key")
_PLACES: Final = ("gz-hall-01", "gz-metro-01", "gz-museum-01")

_MADE_BY_2: Final = frozenset(
    {
        *(f"keys/{name}.pem" for name in _SIGNING),
        *(f"keys/operators/{name}.key" for name in ("hao", "ling")),
        *("keys/reference.key", "keys/feeds/demo-hospital.pem", "feeds/demo-hospital.toml"),
        *("trust/root.cbor", "trust/trust.json", "operators.toml", "places.toml"),
        *(f"profiles/{name}.toml" for name in _PLACES),
        *(f"terminals/{name}/{file}.pem" for name in _TERMINALS for file in _IDENTITY),
    }
)
_MOVED_BY_3: Final = frozenset({"operators.toml", "places.toml"})
_MADE_BY_3: Final = _MADE_BY_2 - _MOVED_BY_3 | {f"registry/{name}" for name in _MOVED_BY_3}
MADE_FIRST: Final = {2: _MADE_BY_2, 3: _MADE_BY_3}
"""Schema -> the files that a first start makes and no later one makes anew."""


def schema_2(folder: Path) -> Path:
    """Make a folder of schema 2: the files that its first start made, with what is in them."""
    for name in _MADE_BY_2:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} of schema 2\n")
    (folder / "lock").write_text("4242\n")
    (folder / "SCHEMA").write_text("2\n")
    return folder


def schema_1(folder: Path) -> Path:
    """Make a folder of schema 1, with people's values, records and counts in its store."""
    for name in ("keys/api", "keys/redis", "trust", "profiles", "redis", "run", "log"):
        (folder / name).mkdir(parents=True)
    for name in _SIGNING:
        (folder / "keys" / f"{name}.pem").write_text(f"a key: {secrets.token_hex(8)}\n")
    with redis_server() as server:
        with server.client() as store:
            _fill(store)
        server.stop()
        shutil.copytree(server.directory / "appendonlydir", folder / "redis" / "appendonlydir")
    (folder / "lock").write_text("4242\n")
    (folder / "SCHEMA").write_text("1\n")
    return folder


def _fill(store: "redis.Redis") -> None:
    store.set("v:plane:1:health", bytes([0b0110_0001]))
    store.setbit("v:taken:1:person", 2, 1)
    store.hset("v:bundles", "trust", "7:abc")
    store.xadd("v:{1f}:r:490000", {"r": b"\x81\xa1a\x01", "a": "f"}, id="1764000000000-0")
    store.set("v:{1f}:u:claim", b"scan", px=86_400_000)
    store.zadd("f:leases", {"shard-1": 1})
    store.sadd("f:shards", "1")
    store.rpush("f:dead", "a", "b")
    store.function_flush()
    store.function_load(
        "#!lua name=kapok\nredis.register_function('kapok_scan', "
        "function(keys) return redis.call('SET', keys[1], 'by-function') end)"
    )
    store.fcall("kapok_scan", 1, "v:{1f}:c:room:hall")

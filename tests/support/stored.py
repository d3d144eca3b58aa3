"""Scans in the store, made older: as if the store's clock had gone on."""

from typing import Any

import redis


def aged(store: redis.Redis, scan: bytes, *, ms: int) -> None:
    """Make a stored scan older by so many milliseconds; the newest entry of its own alone."""
    index: Any
    value: Any
    for index in store.scan_iter("v:*:i:*"):
        value = store.hget(index, scan)
        if value is not None:
            break
    else:
        raise AssertionError("no such scan")
    prefix = index[:7].decode()
    at, number = int.from_bytes(value[14:20], "big"), int.from_bytes(value[20:24], "big")
    old = at - ms
    key = f"{prefix}r:{at // 3_600_000}"
    found: Any = store.xrange(key, f"{at}-{number}", f"{at}-{number}")
    ((_, fields),) = found
    store.xdel(key, f"{at}-{number}")
    # Alone in its hour: an older id cannot follow a newer one.
    store.delete(f"{prefix}r:{old // 3_600_000}")
    store.xadd(f"{prefix}r:{old // 3_600_000}", fields, id=f"{old}-{number}")
    store.hset(index, scan, value[:14] + old.to_bytes(6, "big") + value[20:])

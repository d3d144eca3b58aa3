import pytest

from runtime.store import NotDurableError, judge_durable, judge_room

GOOD = {"appendonly": "yes", "appendfsync": "always"}


def test_a_redis_that_writes_through_is_fit() -> None:
    """Version 7 or newer."""
    judge_durable(GOOD, "7.0.15", "ok")
    judge_durable(GOOD, "10.1", "ok")


@pytest.mark.parametrize(
    ("config", "version", "last_write"),
    [
        (GOOD | {"appendonly": "no"}, "7.0.15", "ok"),
        (GOOD | {"appendfsync": "everysec"}, "7.0.15", "ok"),
        (GOOD | {"appendfsync": "no"}, "7.0.15", "ok"),
        ({}, "7.0.15", "ok"),
        (GOOD, "6.2.7", "ok"),
        (GOOD, "7.0.15", "err"),
        (GOOD, "7.0.15", ""),
    ],
)
def test_a_redis_that_would_forget_is_refused(
    config: dict[str, str], version: str, last_write: str
) -> None:
    """Whatever it lacks."""
    with pytest.raises(NotDurableError):
        judge_durable(config, version, last_write)


def test_a_full_redis_is_refused() -> None:
    """What does not count against the limit is left out; without a limit it is never full."""
    judge_room({"maxmemory": 0, "used_memory": 1 << 40})
    judge_room({"maxmemory": 100, "used_memory": 120, "mem_not_counted_for_evict": 30})
    with pytest.raises(NotDurableError):
        judge_room({"maxmemory": 100, "used_memory": 130, "mem_not_counted_for_evict": 30})

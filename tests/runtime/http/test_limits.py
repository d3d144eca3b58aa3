from contextlib import ExitStack

import pytest

from runtime.http.limits import ConcurrencyLimit
from runtime.http.problems import Problem
from tests.support.door_counts import DoorTally


def test_a_caller_takes_its_share_and_no_more() -> None:
    """It is told so; the others' places stay free; a place given back is free again."""
    counts = DoorTally()
    places = ConcurrencyLimit(5, counts, a_caller=3)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(places.one("key:a"))
        with pytest.raises(Problem) as found, places.one("key:a"):
            pass
        assert (found.value.status, found.value.code) == (429, "caller.busy")
        assert found.value.headers == {"Retry-After": "1"}
        with places.one("key:b"), places.one("key:c"):
            with pytest.raises(Problem) as found, places.one("key:d"):
                pass
            assert (found.value.status, found.value.code) == (503, "system.busy")
        assert counts.away == 2
    with places.one("key:a"):
        assert counts.away == 2


def test_a_place_comes_back_after_a_failure() -> None:
    """However a request ends."""
    places = ConcurrencyLimit(1, DoorTally(), a_caller=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), places.one("key:a"):
            raise ValueError("x")

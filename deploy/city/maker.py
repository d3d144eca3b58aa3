"""Making a city: everything follows from the seed, drawn for whole columns at a time.

References are a reversible mixing of the row's number, so that no two are alike without a look at
all of them; person indices are a part of a permutation of the list. The same seed gives the same
city with the same version of numpy.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deploy.city.folder import FORMAT, City, Columns, new_folder, write_city
from deploy.local.errors import UsageError
from deploy.local.lists import MAX_LIST, MAX_PEOPLE

CHUNK: Final = 1 << 20
"""People drawn at once: some 40 MB of memory."""
COLOURS: Final = (0.015, 0.976, 0.007, 0.002)
"""Shares of none, green, yellow and red on a day with a few outbreaks."""
DOSES: Final = (0.08, 0.04, 0.30, 0.58)
"""Shares of 0 to 3 doses."""
TESTED: Final = 0.62
"""Share of people with a negative test in the last 42 days."""
HALF_LIFE: Final = 24
"""Slots of 4 hours: half of those tested were tested in the last four days."""
MOST_SLOTS: Final = 252
"""42 days."""
REFERENCE_PREFIX: Final = b"SYN"
"""Begins with what no register's number begins with."""
_LETTERS: Final = np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", np.uint8)
_DIGITS: Final = 8
"""Of 5 bits each."""
_MASK: Final = np.uint64((1 << 40) - 1)


def make_city(
    path: Path, *, people: int, size: int, seed: int, made: Callable[[int], None] = lambda _: None
) -> City:
    """Make a city of so many people on a list of `size` indices; `made` gets people as they come.

    Raises:
        UsageError: no possible size, or the folder is there or cannot be written.
    """
    if not 1 <= people <= MAX_PEOPLE:
        raise UsageError(f"a city has 1 to {MAX_PEOPLE} people")
    if not people <= size <= MAX_LIST:
        raise UsageError(f"a list for {people} people has {people} to {MAX_LIST} indices")
    random = np.random.default_rng(seed)
    persons = random.permutation(np.arange(size, dtype=np.uint32))[:people]
    factor = np.uint64(int(random.integers(1 << 39)) * 2 + 1)
    with new_folder(path) as folder:
        columns = Columns(folder)
        for start in range(0, people, CHUNK):
            rows = np.arange(start, min(start + CHUNK, people), dtype=np.uint64)
            columns.append(_chunk(random, persons[start : start + CHUNK], rows, factor))
            made(len(rows))
        city = City(format=FORMAT, people=people, size=size, seed=seed, digests=columns.close())
        write_city(folder, city)
    return city


def _chunk(
    random: np.random.Generator,
    persons: NDArray[np.uint32],
    rows: NDArray[np.uint64],
    factor: np.uint64,
) -> dict[str, NDArray[Any]]:
    count = len(rows)
    return {
        "persons": persons,
        "references": references(rows, factor),
        "colours": random.choice(4, count, p=COLOURS).astype(np.uint8),
        "doses": random.choice(4, count, p=DOSES).astype(np.uint8),
        "tests": _tests(random, count),
    }


def references(rows: NDArray[np.uint64], factor: np.uint64) -> NDArray[np.bytes_]:
    """Return a reference for each row: distinct rows have distinct ones. `factor` is odd."""
    # Each step can be undone within 40 bits, so no two rows meet.
    mixed = ((rows + np.uint64(1)) * factor) & _MASK
    mixed ^= mixed >> np.uint64(17)
    mixed = (mixed * factor) & _MASK
    mixed ^= mixed >> np.uint64(23)
    text = np.empty((len(rows), len(REFERENCE_PREFIX) + _DIGITS), np.uint8)
    text[:, : len(REFERENCE_PREFIX)] = np.frombuffer(REFERENCE_PREFIX, np.uint8)
    for place in range(_DIGITS):
        digits = (mixed >> np.uint64(5 * place)) & np.uint64(31)
        text[:, len(REFERENCE_PREFIX) + place] = _LETTERS[digits]
    return text.view(f"S{text.shape[1]}").reshape(-1)


def _tests(random: np.random.Generator, count: int) -> NDArray[np.uint8]:
    ago = 1 + random.exponential(HALF_LIFE / np.log(2), count)
    tested = (random.random(count) < TESTED) & (ago < MOST_SLOTS)
    slots: NDArray[np.uint8] = np.where(tested, ago, 0).astype(np.uint8)
    return slots

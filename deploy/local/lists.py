"""How large the status list of a house is: decided at its first start, kept in <data>/list.json.

A list does not grow: its planes have their size from the beginning, and an index means the same for
as long as a credential names it. So a later start with another size is refused.
"""

from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import write_file
from deploy.local.errors import UsageError

LIST_SIZE: Final = 1 << 20
"""People, and credentials, of the demo city's list: enough that an index is not guessed."""
STEP: Final = 1 << 16
"""Sizes are multiples of it."""
MAX_LIST: Final = 1 << 25
"""Person indices: with a plane of 8 bits a list is 32 MiB, the most that a bundle may be."""
MAX_PEOPLE: Final = 18_700_000
"""The largest city that this is measured for (docs/city.md)."""
CREDENTIALS_EACH: Final = 4
"""Credential indices a person index: a phone, a paper, a proxy, and one lost."""
_DRAWN: Final = 5, 4
"""Five indices for four people: an index is drawn at random, and one in five draws must hit."""


class ListSizes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """list.json."""

    people: int
    credentials: int


def size_for(people: int) -> int:
    """Return how many person indices a list for so many people has."""
    wanted = people * _DRAWN[0] // _DRAWN[1]
    return min(MAX_LIST, -(-wanted // STEP) * STEP)


def sizes_for(people: int | None) -> ListSizes:
    """Return the sizes of a list for so many people, or the demo city's."""
    if people is None:
        return ListSizes(people=LIST_SIZE, credentials=LIST_SIZE)
    size = size_for(people)
    return ListSizes(people=size, credentials=size * CREDENTIALS_EACH)


def list_sizes(data: Path, people: int | None = None) -> ListSizes:
    """Return the sizes of a house's list, deciding them if this is its first start.

    Raises:
        UsageError: it was made for another number of people.
    """
    path = data / "list.json"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=ListSizes)
    except FileNotFoundError:
        found = sizes_for(people)
        write_file(path, msgspec.json.format(msgspec.json.encode(found)))
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is damaged; restore it") from error
    if people is not None and found != sizes_for(people):
        raise UsageError(
            f"data folder {data}: its list has {found.people} person indices, and --people {people}"
            f" asks for {size_for(people)}; a list keeps its size, choose another --data"
        )
    return found

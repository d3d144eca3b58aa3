"""The size of a house's list: decided once, kept, never another."""

from pathlib import Path

import pytest

from deploy.local.errors import UsageError
from deploy.local.lists import LIST_SIZE, MAX_LIST, list_sizes, size_for
from verifier.contract.vocabulary import Plane
from verifier.status.plane import BITS, MAX_PLANE_BYTES


def test_a_demo_keeps_its_size(tmp_path: Path) -> None:
    """Without a number of people the list is the demo city's, also at later starts."""
    assert list_sizes(tmp_path).people == LIST_SIZE
    assert list_sizes(tmp_path).credentials == LIST_SIZE


def test_a_city_gets_room_to_draw(tmp_path: Path) -> None:
    """One in five draws hits a free index when everybody has one."""
    sizes = list_sizes(tmp_path, 18_700_000)
    assert 18_700_000 * 5 // 4 <= sizes.people < 18_700_000 * 5 // 4 + (1 << 16)
    assert sizes.credentials > sizes.people
    assert list_sizes(tmp_path) == list_sizes(tmp_path, 18_700_000) == sizes


def test_a_list_never_changes_its_size(tmp_path: Path) -> None:
    """An index means the same as long as a credential names it."""
    list_sizes(tmp_path, 1_000_000)
    with pytest.raises(UsageError):
        list_sizes(tmp_path, 2_000_000)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Guessing would give planes of another size."""
    (tmp_path / "list.json").write_text("{")
    with pytest.raises(UsageError):
        list_sizes(tmp_path)


def test_the_largest_list_fits_a_bundle() -> None:
    """The widest plane of the largest list is as long as a plane may be."""
    assert size_for(10**9) == MAX_LIST
    assert MAX_LIST * BITS[Plane.TEST] // 8 <= MAX_PLANE_BYTES

"""A city made by a seed: distinct people, a list with room, a folder that shows tampering."""

from pathlib import Path

import numpy as np
import pytest

from deploy.city.folder import COLUMNS, read_city
from deploy.city.maker import COLOURS, MOST_SLOTS, make_city
from deploy.local.errors import UsageError
from deploy.local.lists import MAX_PEOPLE, size_for
from verifier.issuing.persons import normalise

PEOPLE = 50_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One city for the file."""
    path = tmp_path_factory.mktemp("cities") / "one"
    make_city(path, people=PEOPLE, size=size_for(PEOPLE), seed=7)
    return path


def test_nobody_is_there_twice(folder: Path) -> None:
    """Neither by index nor by reference; every index is within the list."""
    found = read_city(folder)
    persons, references = found.column("persons"), found.column("references")
    assert len(np.unique(persons)) == len(np.unique(references)) == PEOPLE
    assert persons.max() < found.city.size == size_for(PEOPLE)


def test_references_are_in_their_one_form(folder: Path) -> None:
    """As whoever asks by one would write it."""
    texts = [each.decode() for each in read_city(folder).column("references")[:200].tolist()]
    assert [normalise(text) for text in texts] == texts


def test_people_are_as_people_are(folder: Path) -> None:
    """Mostly green, a few of every colour, tests of the last 42 days."""
    found = read_city(folder)
    counts = np.bincount(found.column("colours"), minlength=4) / PEOPLE
    assert np.allclose(counts, COLOURS, atol=0.01)
    assert set(np.unique(found.column("doses"))) == {0, 1, 2, 3}
    tests = found.column("tests")
    assert 0.5 < np.count_nonzero(tests) / PEOPLE < 0.7
    assert tests.max() < MOST_SLOTS


def test_a_seed_makes_its_city(folder: Path, tmp_path: Path) -> None:
    """The same again, and another for another seed."""
    first = read_city(folder).city
    again = make_city(tmp_path / "again", people=PEOPLE, size=first.size, seed=7)
    other = make_city(tmp_path / "other", people=PEOPLE, size=first.size, seed=8)
    assert again == first
    assert set(other.digests.values()).isdisjoint(first.digests.values())
    assert other.name != first.name


@pytest.mark.parametrize(("people", "size"), [(0, 10), (MAX_PEOPLE + 1, 1 << 25), (10, 9)])
def test_an_impossible_city_is_refused(people: int, size: int, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(UsageError):
        make_city(tmp_path / "no", people=people, size=size, seed=1)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_kept(folder: Path) -> None:
    """A city is never written over."""
    with pytest.raises(UsageError):
        make_city(folder, people=10, size=20, seed=1)
    assert read_city(folder).city.people == PEOPLE


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_was_changed_or_cut_is_refused(column: str, tmp_path: Path) -> None:
    """A city is loaded whole and as it was made, or not at all."""
    path = tmp_path / "city"
    make_city(path, people=100, size=200, seed=1)
    (file,) = path.glob(f"{column}.*")
    data = file.read_bytes()
    for damaged in (data[:-1], bytes((data[0] ^ 1,)) + data[1:]):
        file.write_bytes(damaged)
        with pytest.raises(UsageError):
            read_city(path)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}'])
def test_what_is_no_city_is_refused(text: str, tmp_path: Path) -> None:
    """A folder without city.json, or with another."""
    with pytest.raises(UsageError):
        read_city(tmp_path)
    (tmp_path / "city.json").write_text(text)
    with pytest.raises(UsageError):
        read_city(tmp_path)

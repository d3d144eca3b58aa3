"""A source's file says everything that must be said, and nothing else."""

import pytest

from tests.support.feed_sources import ED_KEY, FILE, KEY, source
from verifier.contract.vocabulary import Plane
from verifier.errors import SourceError
from verifier.feeds.sources import (
    MAX_FILE_BYTES,
    SourceState,
    UnknownPersons,
    read_source,
    value_of,
    word_of,
)


def test_words_become_values() -> None:
    """A colour by its word, a number as itself, any: all of the plane."""
    assert source().values == {
        Plane.HEALTH: frozenset({1, 2, 3}),
        Plane.TEST: frozenset(range(256)),
        Plane.DOSES: frozenset({0, 1}),
    }


def test_what_is_left_out_is_strict() -> None:
    """Active; an unknown person is wrong; whole or nothing."""
    file = source().file
    assert (file.state, file.unknown_persons) == (SourceState.ACTIVE, UnknownPersons.WRONG)
    assert file.limits.wrong_lines == 0


def test_both_kinds_of_key() -> None:
    """The key's kind says its algorithm."""
    assert source(key=KEY).key.algorithm == KEY.algorithm
    assert source(key=ED_KEY).kid == ED_KEY.kid


@pytest.mark.parametrize(
    ("field", "more", "tables", "replaced"),
    [
        ("name", "", "", {'"health-province"': '"Health"'}),
        ("list", "", "", {"list = 1": 'list = "1"'}),
        ("callers", "", "", {'["sender"]': "[]"}),
        ("colour", 'colour = "red"', "", {}),
        ("every", "", "", {"every = 60\n": ""}),
        ("stale_after", "", "", {"stale_after = 120": "stale_after = 59"}),
        ("scope", "", "", {"doses =": "revocation ="}),
        ("scope.health", "", "", {'"green"': '"blue"'}),
        ("scope.health", "", "", {'"green"': '"GREEN"'}),
        ("scope.doses", "", "", {"[0, 1]": "[4]"}),
        ("scope", "", "", {"[0, 1]": "[true]"}),
        ("scope.doses", "", "", {"[0, 1]": "[]"}),
        ("required", "", "", {'required = ["health"]': 'required = ["revocation"]'}),
        ("state", 'state = "asleep"', "", {}),
        ("limits.wrong_lines", "", "[limits]\nwrong_lines = 1001", {}),
        ("limits.lines", "", "[limits]\nlines = 1", {}),
        ("breaker.pause", "", "[breaker]\npause = 0", {}),
        ("(file)", "x = ", "", {}),
    ],
)
def test_an_error_names_its_field(
    field: str, more: str, tables: str, replaced: dict[str, str]
) -> None:
    """Wrong, missing, unknown: by name."""
    with pytest.raises(SourceError) as caught:
        source(more, tables, **replaced)
    assert caught.value.field.startswith(field)


@pytest.mark.parametrize("spki", ["", "AAAA", "not base64!"])
def test_a_key_that_is_none(spki: str) -> None:
    """No key, no source."""
    text = FILE.format(spki=spki, more="", tables="")
    with pytest.raises(SourceError) as caught:
        read_source(text.encode())
    assert caught.value.field == "spki"


def test_a_file_without_end_is_not_read() -> None:
    """The bound comes before the parser."""
    with pytest.raises(SourceError):
        read_source(b"#" * (MAX_FILE_BYTES + 1))


@pytest.mark.parametrize(
    ("plane", "word", "value"),
    [
        (Plane.HEALTH, "red", 3),
        (Plane.HEALTH, 3, 3),
        (Plane.HEALTH, "Red", None),
        (Plane.HEALTH, 4, None),
        (Plane.TEST, 255, 255),
        (Plane.TEST, 256, None),
        (Plane.TEST, "red", None),
        (Plane.DOSES, True, None),
        (Plane.DOSES, -1, None),
        (Plane.DOSES, 1.0, None),
    ],
)
def test_values_of_planes(plane: Plane, word: object, value: int | None) -> None:
    """Exact types, within the plane's bits."""
    assert value_of(plane, word) == value
    if value is not None:
        assert value_of(plane, word_of(plane, value) if plane is Plane.HEALTH else word) == value

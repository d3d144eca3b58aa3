"""Phrases: English as a string, another language by their templates."""

from deploy.words.phrase import Phrase

TABLE = {"{n} of {what}": "{what}: {n}", "all": "alles", "code.a": "falsch ({detail})"}


def test_it_is_its_english_text() -> None:
    """A test, a log or a program that reads it sees a string."""
    assert Phrase("{n} of {what}", n=1, what=Phrase("all")) == "1 of all"


def test_its_values_are_said_too_and_data_stays() -> None:
    """A phrase inside is translated; the same word as data is not."""
    assert Phrase("{n} of {what}", n=1, what=Phrase("all")).translated(TABLE, ";") == "alles: 1"
    assert Phrase("{n} of {what}", n=1, what="all").translated(TABLE, ";") == "all: 1"


def test_a_list_leaves_out_what_is_empty() -> None:
    """Its comma is the language's own."""
    found = Phrase.listed(("hall-1", "", Phrase("all")))
    assert found == "hall-1, all"
    assert found.translated(TABLE, ";") == "hall-1;alles"


def test_a_code_may_be_the_key() -> None:
    """Where English has only what a process said."""
    found = Phrase("{detail}", key="code.a", detail="x {y}")
    assert found == "x {y}"
    assert found.translated(TABLE, ";") == "falsch (x {y})"
    assert Phrase("{detail}", key="code.b", detail="x").translated(TABLE, ";") == "x"


def test_braces_without_values_are_text() -> None:
    """What comes from a door is never taken for a template."""
    assert Phrase("{odd").translated(TABLE, ";") == "{odd"

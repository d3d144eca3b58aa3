"""Sequences: no gaps, no double counting, new generations start over."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.sequences import SequenceName, SequencePlace, Sequences, advance, begin, place


def test_only_the_next_is_stored() -> None:
    """Below is a duplicate, above is a gap."""
    stored = Sequences(generation=1, reported=2, result=7)
    assert place(stored, SequenceName.RESULT, 7) is SequencePlace.DUPLICATE
    assert place(stored, SequenceName.RESULT, 8) is SequencePlace.NEXT
    assert place(stored, SequenceName.RESULT, 9) is SequencePlace.GAP
    assert place(stored, SequenceName.REPORTED, 3) is SequencePlace.NEXT
    assert advance(stored, SequenceName.RESULT) == Sequences(generation=1, reported=2, result=8)
    assert advance(stored, SequenceName.REPORTED) == Sequences(generation=1, reported=3, result=7)


def test_a_birth_says_what_is_still_kept() -> None:
    """Results that the terminal no longer has are missing for good; it is told so once."""
    stored = Sequences(generation=1, reported=2, result=7)
    assert begin(stored, 1, 1, 4) == (stored, False)
    assert begin(stored, 1, 3, 8) == (stored, False)
    assert begin(stored, 1, 5, 10) == (Sequences(generation=1, reported=4, result=9), True)
    assert begin(None, 1, 1, 1) == (Sequences(generation=1), False)
    assert begin(stored, 2, 1, 1) == (Sequences(generation=2), False)


@given(st.lists(st.integers(1, 12), max_size=60))
def test_any_delivery_ends_without_gaps(delivered: list[int]) -> None:
    """Whatever arrives in whatever order, what is stored is 1..n, each once."""
    stored, kept = Sequences(generation=1), []
    for sequence in delivered:
        if place(stored, SequenceName.RESULT, sequence) is SequencePlace.NEXT:
            stored = advance(stored, SequenceName.RESULT)
            kept.append(sequence)
    assert kept == list(range(1, stored.result + 1))

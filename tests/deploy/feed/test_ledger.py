"""The sender's own log: what was begun, what was taken, what it says of itself."""

from pathlib import Path

import msgspec
import pytest

from deploy.feed.ledger import Ledger, LedgerEntry
from verifier.feeds.batches import FIRST_CHAIN, next_chain


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make the folder."""
    (tmp_path / "feeds" / "sent").mkdir(parents=True)
    return tmp_path


def entry(sequence: int, *, applied: bool = False, colour: str = "red") -> LedgerEntry:
    """Make an entry."""
    return LedgerEntry(
        sequence=sequence,
        batch=f"{sequence:032x}",
        digest=f"{sequence:064x}",
        counts={"health": {colour: 1}},
        applied=applied,
    )


def test_a_batch_that_was_begun_is_found_until_it_is_taken(data: Path) -> None:
    """By text and number, across restarts; a cut last line is passed over."""
    Ledger(data, "s").note(entry(1))
    with (data / "feeds" / "sent" / "s.ndjson").open("ab") as file:
        file.write(b'{"sequence": 2, "ba')
    found = Ledger(data, "s").pending(f"{1:064x}", 1)
    assert found == entry(1)
    assert Ledger(data, "s").pending(f"{1:064x}", 2) is None


def test_it_says_what_was_taken(data: Path) -> None:
    """The chain, the counts and the batches of those that count."""
    ledger = Ledger(data, "s")
    for number, colour in ((1, "red"), (2, "green"), (3, "red")):
        ledger.note(entry(number, colour=colour))
        ledger.note(entry(number, colour=colour, applied=True))
    ledger.note(entry(4))
    chain = FIRST_CHAIN.hex()
    for number in (1, 2, 3):
        chain = next_chain(chain, number, f"{number:064x}")
    asked = Ledger(data, "s").asked()
    assert (asked.sequence, asked.chain) == (3, chain)
    assert asked.counts == {"health": {"red": 2, "green": 1}}
    assert [sent.sequence for sent in asked.batches] == [1, 2, 3]


def test_a_log_with_a_hole_claims_no_chain(data: Path) -> None:
    """What it does not know it does not say; the house then compares digests."""
    ledger = Ledger(data, "s")
    ledger.note(entry(2, applied=True))
    asked = ledger.asked()
    assert (asked.sequence, asked.chain, asked.counts) == (2, None, None)
    assert msgspec.to_builtins(asked.batches) == ({"sequence": 2, "digest": f"{2:064x}"},)

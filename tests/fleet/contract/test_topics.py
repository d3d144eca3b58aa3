"""The table of topics: parsing is strict, and what is written can be read."""

import contextlib
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.contract import topics
from fleet.contract.errors import Breach, ContractError
from fleet.contract.messages import MAX_GENERATION
from fleet.contract.topics import TABLE, Party, Shard, TerminalId, TopicName

NAMES = st.from_regex(r"\A[a-z0-9-]{4,32}\Z").map(TerminalId)


@given(st.sampled_from(TopicName), NAMES, st.integers(1, MAX_GENERATION))
def test_written_topics_can_be_read(name: TopicName, terminal: TerminalId, generation: int) -> None:
    """Every topic of the table survives writing and parsing."""
    built = (
        topics.topic(name) if name is TopicName.BUNDLE else topics.topic(name, terminal, generation)
    )
    assert topics.parse(str(built)) == built
    assert built.shard_fits
    assert len(str(built)) <= topics.MAX_TOPIC_BYTES


@given(st.text(max_size=80))
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    """Parsing gives a topic that writes back to the same text, or the one error."""
    parsed = None
    with contextlib.suppress(ContractError):
        parsed = topics.parse(text)
    assert parsed is None or str(parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kapok/up/0/gate-a.1/birth/",
        "kapok/up/0/gate-a.1/birth\n",
        "kapok/up/0/gate-a.1/ack",
        "kapok/up/0/abc.1/birth",
        "kapok/up/0/" + "a" * 33 + ".1/birth",
        "kapok/up/0/GATE-A.1/birth",
        "kapok/up/0/gate_a.1/birth",
        "kapok/up/10/gate-a.1/birth",
        "kapok/up/A/gate-a.1/birth",
        "kapok/up/g/gate-a.1/birth",
        "kapok/up/+/gate-a.1/birth",
        "kapok/up/0/+/birth",
        "kapok/up/0/gate-a/birth",
        "kapok/up/0/gate-a.0/birth",
        "kapok/up/0/gate-a.01/birth",
        "kapok/up/0/gate-a.1000000/birth",
        "kapok/up/0/gate-a.+1/birth",
        "kapok/down/gate-a/command",
        "kapok/up/\N{FULLWIDTH DIGIT ONE}/gate-a.1/birth",
        "kapok/down/gate-a.1/birth",
        "kapok/down/gate-a.1/command ",
        "/kapok/down/gate-a.1/command",
        "kapok/all/bundle/",
        "kapok/all/command",
        "$SYS/broker/uptime",
    ],
)
def test_near_misses_are_refused(text: str) -> None:
    """What is almost a topic is none."""
    with pytest.raises(ContractError) as caught:
        topics.parse(text)
    assert caught.value.breach is Breach.TOPIC_UNKNOWN


def test_a_foreign_shard_is_seen() -> None:
    """A topic with another's shard parses, and says that it does not fit."""
    own = topics.shard_of(TerminalId("gate-a"))
    for shard in topics.SHARDS:
        parsed = topics.parse(f"kapok/up/{shard}/gate-a.1/birth")
        assert parsed.shard_fits == (shard == own)


@given(NAMES)
def test_shard_is_the_low_half_of_the_first_byte(terminal: TerminalId) -> None:
    """The shard is what the document says."""
    first = hashlib.sha256(terminal.encode()).digest()[0]
    assert topics.shard_of(terminal) == f"{first & 15:x}"


def test_the_documents_examples_hold() -> None:
    """The shards that docs/terminal-contract.md names are right."""
    root = Path(__file__).resolve().parents[3]
    text = (root / "docs/terminal-contract.md").read_text(encoding="utf-8")
    examples = re.findall(r"`([a-z0-9-]+)` has shard `([0-9a-f])`", text)
    assert len(examples) == 2
    assert all(topics.shard_of(TerminalId(name)) == shard for name, shard in examples)


@pytest.mark.parametrize("name", list(TopicName))
def test_topics_need_just_their_parts(name: TopicName) -> None:
    """A missing terminal, or one too many, is refused."""
    with pytest.raises(ContractError):
        topics.topic(name, TerminalId("gate-a") if name is TopicName.BUNDLE else None)


def test_subscriptions_cover_each_side() -> None:
    """The fleet hears all that terminals publish of a shard; a terminal all that is for it."""
    up = [rule for rule in TABLE if rule.publisher is Party.TERMINAL]
    heard = topics.subscriptions(Shard("3"))
    assert [name for name, _ in heard] == [f"kapok/up/3/+/{rule.name}" for rule in up]
    mine = dict(topics.terminal_subscriptions(TerminalId("gate-a"), 1))
    assert set(mine) == {
        "kapok/down/gate-a.1/ack",
        "kapok/down/gate-a.1/desired",
        "kapok/down/gate-a.1/command",
        "kapok/all/bundle",
    }
    assert set(mine.values()) == {1}


def test_every_name_has_one_row() -> None:
    """The table is complete, each name once."""
    assert [rule.name for rule in TABLE] == list(TopicName)

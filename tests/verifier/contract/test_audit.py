"""The audit log's format: what an entry is, and every way in which a log is no longer whole."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.contract.audit import (
    MAX_LINE_BYTES,
    NO_HASH,
    START,
    Act,
    AuditAction,
    AuditFlaw,
    AuditHead,
    line_of,
    not_done,
    read_line,
    verify,
)
from verifier.contract.errors import MalformedError

ACT = Act(
    action=AuditAction.PROPOSE,
    person="ling",
    by="token:0011223344556677",
    subject="person:1:4711",
    reason="test_result",
    before="green",
    after="red",
    ref="0a" * 16,
)
COUNT = 12


def log_of(count: int = COUNT, *, process: str = "issuing", act: Act = ACT) -> list[bytes]:
    """Return the lines of a log that holds."""
    lines, head = [], START
    for number in range(count):
        line, head = line_of(act, process=process, at=1_790_000_000_000 + number, head=head)
        lines.append(line)
    return lines


def head_of(lines: list[bytes]) -> AuditHead:
    """Return a log's head."""
    entry = read_line(lines[-1])
    return AuditHead(entry.seq, entry.hash)


def test_an_entry_is_written_as_the_format_says() -> None:
    """Members in order, nothing left out; the hash covers the bytes before it."""
    first, second = log_of(2)
    assert first == (
        b'{"seq":1,"at":1790000000000,"process":"issuing","action":"proposal.make","person":"ling",'
        b'"by":"token:0011223344556677","subject":"person:1:4711","reason":"test_result",'
        b'"before":"green","after":"red","ref":"' + b"0a" * 16 + b'","prev":"' + NO_HASH.encode() +
        b'","hash":"' + json.loads(first)["hash"].encode() + b'"}\n'
    )  # fmt: skip
    covered, _, _ = first.partition(b',"hash":')
    assert json.loads(first)["hash"] == sha256(covered).hexdigest()
    assert json.loads(second)["prev"] == json.loads(first)["hash"]


def test_a_whole_log_holds() -> None:
    """Also against its own head and an earlier one; so does an empty one."""
    lines = log_of()
    for head in (None, head_of(lines), head_of(lines[:5])):
        found = verify(lines, head=head)
        assert (found.flaw, found.line, found.entries) == (None, 0, COUNT)
        assert (found.head, found.octets) == (head_of(lines), sum(map(len, lines)))
    assert verify([]).head == START


@pytest.mark.parametrize("at", range(COUNT))
def test_a_line_that_is_changed_is_named(at: int) -> None:
    """Its members, its hash, a space more: the first line that does not hold."""
    lines = log_of()
    for before, after, flaw in (
        (b'"after":"red"', b'"after":"none"', AuditFlaw.HASH),
        (b'"person":"ling"', b'"person":"hao"', AuditFlaw.HASH),
        (b'"process":"issuing"', b'"process":"fleet"', AuditFlaw.HASH),
        (b'{"seq"', b'{ "seq"', AuditFlaw.FORM),
        (b'"reason"', b'"raeson"', AuditFlaw.FORM),
        (b'"}\n', b'"}\r\n', AuditFlaw.FORM),
    ):
        spoilt = list(lines)
        spoilt[at] = lines[at].replace(before, after)
        found = verify(spoilt)
        assert (found.line, found.flaw, found.entries) == (at + 1, flaw, at)


@pytest.mark.parametrize("at", range(COUNT))
def test_a_line_that_is_changed_and_hashed_anew_breaks_the_next(at: int) -> None:
    """The last one only against a head."""
    lines = log_of()
    entry = read_line(lines[at])
    other, _ = line_of(
        Act(action=AuditAction.PROPOSE, person="hao"),
        process="issuing",
        at=entry.at,
        head=AuditHead(at, entry.prev),
    )
    spoilt = [*lines[:at], other, *lines[at + 1 :]]
    found = verify(spoilt, head=head_of(lines))
    if at + 1 < COUNT:
        assert (found.line, found.flaw) == (at + 2, AuditFlaw.CHAIN)
    else:
        assert verify(spoilt).flaw is None
        assert (found.line, found.flaw) == (COUNT, AuditFlaw.FORK)


@pytest.mark.parametrize("at", range(COUNT - 1))
def test_lines_taken_out_put_in_or_swapped_are_found(at: int) -> None:
    """At the place where the chain is broken."""
    lines = log_of()
    without = [*lines[:at], *lines[at + 1 :]]
    twice = [*lines[: at + 1], *lines[at:]]
    swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
    assert (verify(without).line, verify(without).flaw) == (at + 1, AuditFlaw.CHAIN)
    assert (verify(twice).line, verify(twice).flaw) == (at + 2, AuditFlaw.CHAIN)
    assert (verify(swapped).line, verify(swapped).flaw) == (at + 1, AuditFlaw.CHAIN)


@pytest.mark.parametrize("kept", range(COUNT))
def test_a_log_that_was_cut_off_is_found_by_its_head(kept: int) -> None:
    """And by nothing else: what is left holds."""
    lines = log_of()
    assert verify(lines[:kept]).flaw is None
    found = verify(lines[:kept], head=head_of(lines))
    assert (found.line, found.flaw) == (kept + 1, AuditFlaw.SHORT)


def test_a_torn_last_line_is_told_apart() -> None:
    """Unless a head says that it was whole before."""
    lines = log_of()
    for octets in (1, 40, len(lines[-1]) - 1):
        torn = [*lines[:-1], lines[-1][:octets]]
        found = verify(torn, head=head_of(lines[:-1]))
        assert (found.line, found.flaw, found.entries) == (COUNT, AuditFlaw.TORN, COUNT - 1)
        assert verify(torn, head=head_of(lines)).flaw is AuditFlaw.SHORT


def test_another_process_s_log_is_not_continued() -> None:
    """Nor one that changes its process on the way."""
    assert verify(log_of(), process="fleet").flaw is AuditFlaw.PROCESS
    lines = log_of(2)
    third, _ = line_of(ACT, process="fleet", at=0, head=head_of(lines))
    assert (verify([*lines, third]).line, verify([*lines, third]).flaw) == (3, AuditFlaw.PROCESS)


def test_a_line_without_end_is_not_read() -> None:
    """Whatever its length."""
    assert verify([b"{" * (MAX_LINE_BYTES + 1)]).flaw is AuditFlaw.FORM


@pytest.mark.parametrize("text", ["a" * 101, "王", 'a"b', "a\\b", "a\nb", "\x7f"])
def test_a_member_has_one_spelling(text: str) -> None:
    """Printable ASCII of at most 100 characters."""
    with pytest.raises(MalformedError):
        line_of(Act(action=AuditAction.TOKEN, subject=text), process="fleet", at=0, head=START)


def test_the_longest_entry_fits_a_line() -> None:
    """With every member full."""
    full = "x" * 100
    act = Act(
        action=AuditAction.TOKEN, person=full, by=full, subject=full, reason=full, before=full,
        after=full, ref=full,
    )  # fmt: skip
    line, _ = line_of(
        act, process="p" * 40, at=(1 << 53) - 1, head=AuditHead((1 << 53) - 2, NO_HASH)
    )
    assert len(line) < MAX_LINE_BYTES
    assert read_line(line).ref == full


def test_what_did_not_take_place_is_said() -> None:
    """Under the same ref."""
    denied = not_done(ACT, "changed")
    assert (denied.action, denied.ref, denied.subject) == (
        AuditAction.NOT_DONE,
        ACT.ref,
        ACT.subject,
    )


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_any_bytes_have_a_verdict(lines: list[bytes]) -> None:
    """And none holds that is no entry."""
    found = verify(lines)
    assert (found.flaw is None) == (not lines)

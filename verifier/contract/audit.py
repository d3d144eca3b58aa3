"""The audit log of both services: entries as lines of JSON, each bound to the one before.

Pure: acts in, lines out; lines in, a verdict out. Who may append, files and locks are each
service's own shell. Format: docs/audit.md. An entry names operators and keys, never a person who
carries a code: those stand there by their index in the status list.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from verifier.contract.errors import MalformedError

MAX_LINE_BYTES: Final = 2048
"""Bytes of a line with its end; the members' bounds keep it below 1,500."""
MAX_MEMBER_CHARS: Final = 100
"""Characters of one member; the longest is a subject with a scan_id."""
NO_HASH: Final = "0" * 64
"""`prev` of the first entry."""
_HASH_CHARS: Final = 64
_TAIL: Final = re.compile(rb',"hash":"[0-9a-f]{64}"\}\n')
_TAIL_BYTES: Final = len(b',"hash":""}\n') + _HASH_CHARS

Text = Annotated[str, Meta(pattern=r"\A[ !#-\[\]-~]{0,100}\Z")]
"""Printable ASCII without quotation mark and backslash, so that a string has one spelling."""
Word = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_.-]{0,39}\Z")]
Hash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_TEXT: Final = re.compile(r"[ !#-\[\]-~]{0,100}")


class AuditAction(StrEnum):
    """What was done. New ones may come; who reads a log takes any word."""

    TORN = "audit.torn"
    """A half-written last line was set aside at a start."""
    TOKEN = "token.issue"  # noqa: S105 - a word of the log
    COMMAND = "command.give"
    RESOLVE = "scan.resolve"
    ADMIT = "visitor.admit"
    REVOKE = "credential.revoke"
    PROPOSE = "proposal.make"
    APPROVE = "proposal.approve"
    REJECT = "proposal.reject"
    APPLY = "proposal.apply"
    """An approved proposal is carried out after an interruption."""
    CORRECTION = "correction.open"
    WITHDRAW = "correction.withdraw"
    SHOW_PERSON = "person.show"
    """What is kept of a person was handed out."""
    ERASE_PERSON = "person.erase"
    """An approved erasure is carried out: its waiting time is over."""
    END_HOLD = "hold.end"
    """The term is over for which two people's decision held against feeds."""
    REFUSE_CHANGE = "change.refuse"
    """Something in the store changed a person's value or a revocation, and nothing explains it."""
    SUSPEND = "terminal.suspend"
    """A worker refuses a terminal whose uploads contradict the centre too often."""
    REFUSE = "refused"
    """Somebody was refused what he or she may do, but not so often."""
    REPEATED = "repeated"
    """An earlier refusal came again: `before` from and to when, `after` how often."""
    NOT_DONE = "not_done"
    """The act of an earlier entry with the same `ref` did not take place."""


class Act(Struct, frozen=True, kw_only=True):
    """What a service says of something that is about to happen; empty where nothing applies."""

    action: AuditAction
    person: str = ""
    """Person id of the operator who acts."""
    by: str = ""
    """With what: `token:<id>`, `key:<name>` or `process`."""
    subject: str = ""
    """To whom or what, such as `person:1:4711`: list and index, or an id; never a name."""
    reason: str = ""
    before: str = ""
    after: str = ""
    ref: str = ""
    """What entries of one matter share, such as a proposal's id."""


def not_done(act: Act, reason: str, stands: str = "") -> Act:
    """Say that what an entry announced did not take place, and what stands instead."""
    return Act(
        action=AuditAction.NOT_DONE,
        by="process",
        subject=act.subject,
        reason=reason,
        after=stands,
        ref=act.ref,
    )


class AuditEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line: its members in this order, nothing left out."""

    seq: Annotated[int, Meta(ge=1, lt=1 << 53)]
    at: Annotated[int, Meta(ge=0, lt=1 << 53)]
    """Unix milliseconds, on the clock of the process."""
    process: Word
    action: Word
    person: Text
    by: Text
    subject: Text
    reason: Text
    before: Text
    after: Text
    ref: Text
    prev: Hash
    hash: Hash


class AuditHead(NamedTuple):
    """Where a log ends: the last entry's number and hash."""

    seq: int
    hash: str


class AuditFlaw(StrEnum):
    """What is wrong with a log at a line."""

    FORM = "form"
    """Not an entry as the format says, to the byte."""
    HASH = "hash"
    """Its members are not those it was written with."""
    CHAIN = "chain"
    """It does not follow the line before: something was taken out, put in or moved."""
    PROCESS = "process"
    """An entry of another process's log."""
    TORN = "torn"
    """The last line has no end: the process was cut off while writing it."""
    SHORT = "short"
    """The log ends before its head: entries were cut off."""
    FORK = "fork"
    """At the head's number stands another entry."""


class AuditVerdict(Struct, frozen=True, kw_only=True):
    """What was found."""

    entries: int
    """Entries that hold, from the first."""
    head: AuditHead
    """The last of them."""
    octets: int
    """Of the lines that hold."""
    line: int = 0
    """The first line that does not hold, from 1; 0: all do."""
    flaw: AuditFlaw | None = None


START: Final = AuditHead(0, NO_HASH)
_DECODER: Final = msgspec.json.Decoder(AuditEntry)


def line_of(act: Act, *, process: str, at: int, head: tuple[int, str]) -> tuple[bytes, AuditHead]:
    """Write the entry that follows `head`; returns the line with its end, and the new head.

    Raises:
        MalformedError: a member is longer than 100 characters or not printable ASCII.
    """
    members = msgspec.structs.asdict(act)
    if not all(_TEXT.fullmatch(value) for value in members.values()):
        raise MalformedError("not a text that an audit entry may hold")
    last, prev = head
    seq = last + 1
    entry = AuditEntry(seq=seq, at=at, process=process, prev=prev, hash=NO_HASH, **members)
    line = msgspec.json.encode(entry) + b"\n"
    covered = line[:-_TAIL_BYTES]
    found = sha256(covered).hexdigest()
    return covered + b',"hash":"%b"}\n' % found.encode(), AuditHead(seq, found)


def read_line(line: bytes) -> AuditEntry:
    """Read one line; its hash and place are not looked at.

    Raises:
        MalformedError: not an entry, to the byte.
    """
    if len(line) > MAX_LINE_BYTES or _TAIL.fullmatch(line[-_TAIL_BYTES:]) is None:
        raise MalformedError("not an audit entry")
    try:
        entry = _DECODER.decode(line)
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedError("not an audit entry") from error
    if msgspec.json.encode(entry) + b"\n" != line:
        raise MalformedError("not an audit entry as it is written")
    return entry


def verify(
    lines: Iterable[bytes], *, process: str | None = None, head: tuple[int, str] | None = None
) -> AuditVerdict:
    """Check a log from its first line.

    Args:
        lines: each with its end, as read from the file; one longer than MAX_LINE_BYTES may be cut.
        process: whose log it is; None: that of its first line.
        head: a head noted earlier, beside the log or elsewhere; the log must reach it.
    """
    last, octets = START, 0
    known = None if head is None else AuditHead(*head)
    for number, line in enumerate(lines, start=1):
        flaw, entry = _check(line, last, process)
        if flaw is AuditFlaw.TORN and known is not None and last.seq < known.seq:
            flaw = AuditFlaw.SHORT  # a head is noted only after a whole line
        if entry is None or flaw is not None:
            return AuditVerdict(entries=last.seq, head=last, octets=octets, line=number, flaw=flaw)
        if known is not None and entry.seq == known.seq and entry.hash != known.hash:
            return AuditVerdict(
                entries=last.seq, head=last, octets=octets, line=number, flaw=AuditFlaw.FORK
            )
        process = entry.process
        last, octets = AuditHead(entry.seq, entry.hash), octets + len(line)
    if known is not None and last.seq < known.seq:
        return AuditVerdict(
            entries=last.seq, head=last, octets=octets, line=last.seq + 1, flaw=AuditFlaw.SHORT
        )
    return AuditVerdict(entries=last.seq, head=last, octets=octets)


def torn(name: str) -> Act:
    """Say that a half-written last line was set aside, in a file of this name."""
    return Act(action=AuditAction.TORN, by="process", subject=name)


def repeated(act: Act, *, count: int, first: int, last: int) -> Act:
    """Say that a refusal came `count` times more, from `first` to `last` (Unix milliseconds)."""
    return msgspec.structs.replace(
        act, action=AuditAction.REPEATED, before=f"{first} to {last}", after=f"{count} times"
    )


def _check(
    line: bytes, last: AuditHead, process: str | None
) -> tuple[AuditFlaw | None, AuditEntry | None]:
    """Check one line that should follow `last`."""
    if len(line) <= MAX_LINE_BYTES and not line.endswith(b"\n"):
        return AuditFlaw.TORN, None
    try:
        entry = read_line(line)
    except MalformedError:
        return AuditFlaw.FORM, None
    if sha256(line[:-_TAIL_BYTES]).hexdigest() != entry.hash:
        return AuditFlaw.HASH, entry
    if (entry.seq, entry.prev) != (last.seq + 1, last.hash):
        return AuditFlaw.CHAIN, entry
    if process is not None and entry.process != process:
        return AuditFlaw.PROCESS, entry
    return None, entry

"""Scans: one scan_id through the online try, the offline fallback and the upload. Pure.

- One presentation, one scan: while a code stays in view its readings belong to its scan. Once it
  left the view, or a wedge typed it again, its scan is over for whoever shows it: where it had
  passed, that is said, in a colour of its own, and nothing opens. Also over a restart. A group's
  review has let in whoever is no exception: shown anew, its paper has passed.
- A scan that did not pass keeps its decision, and its scan_id, for ten seconds.
- The gate opens once for each scan_id, whatever is shown again.
- The first final decision is the only one: an online answer that comes after the terminal decided
  alone is ignored, and the upload says what happened.
- A scan that was asked of the centre and that nobody decided (the answer was lost and the terminal
  had died, or had no bundles) ends after the ten seconds as what it was, a denial: nobody was let
  in, and the upload says so, which gives back what it claimed. After the machine itself has
  restarted nobody can say that, and such a scan is forgotten.
Document: docs/terminal.md, "Scans".
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.scan import ScanId, TerminalAnswer, make_scan_id
from verifier.contract.vocabulary import Outcome

IN_VIEW_S: Final = 1.5
"""Seconds between two readings of a code that stayed in view; a camera reads it several times a
second, and a person needs longer to take one phone away and hold up another."""
SAME_S: Final = 10.0
"""Seconds in which the same text at the same terminal finds its scan."""
MAX_OPEN: Final = 256
"""Scans remembered at once; a gate has one or two, the rest are of the last ten seconds."""


class Phase(StrEnum):
    """Where a scan stands."""

    ASKING = "asking"
    """The centre was asked, or is about to be."""
    ALONE = "alone"
    """The terminal decides alone; what the centre says now comes too late."""
    FINAL = "final"
    ORPHAN = "orphan"
    """Asked, and nobody decided: the terminal died, or had nothing to decide by."""


class ScanSignal(StrEnum):
    """What moves a scan."""

    ASK = "ask"
    """It is shown, and the centre is asked."""
    DECIDE_ALONE = "decide_alone"
    """The centre is not asked, or did not answer."""
    NOBODY = "nobody"
    """The centre did not answer, and there is nothing to decide by."""
    DECISION = "decision"
    """The centre's, the terminal's own, or the denial at the end of the ten seconds."""


MOVES: Final[Mapping[tuple[Phase, ScanSignal], Phase]] = {
    (Phase.ASKING, ScanSignal.ASK): Phase.ASKING,
    (Phase.ASKING, ScanSignal.DECIDE_ALONE): Phase.ALONE,
    (Phase.ASKING, ScanSignal.NOBODY): Phase.ORPHAN,
    (Phase.ASKING, ScanSignal.DECISION): Phase.FINAL,
    (Phase.ALONE, ScanSignal.DECISION): Phase.FINAL,
    (Phase.ORPHAN, ScanSignal.ASK): Phase.ASKING,
    (Phase.ORPHAN, ScanSignal.DECIDE_ALONE): Phase.ALONE,
    (Phase.ORPHAN, ScanSignal.DECISION): Phase.FINAL,
}
"""Every move there is; a decided scan stays decided."""


class FinalDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A scan's one decision."""

    answer: TerminalAnswer
    online: bool
    """Made by the centre."""


def lets_in(decision: Outcome, reason: Reason | None) -> bool:
    """Say whether somebody may be let in; of a group under review those who are no exceptions."""
    reviewed = decision is Outcome.REVIEW and reason is Reason.GROUP_EXCEPTIONS
    return decision is Outcome.PASS or reviewed


class Scan:
    """One scan; its phase and decision change here only."""

    __slots__ = ("again", "at", "final", "opened", "phase", "scan_id", "seen_at", "text", "waiting")

    def __init__(self, *, scan_id: ScanId, text: str, at: float, phase: Phase) -> None:
        self.scan_id = scan_id
        self.text = text
        self.at = at
        self.phase = phase
        self.final: FinalDecision | None = None
        self.opened = False
        """The gate was opened for it."""
        self.seen_at = at
        """When its text was last read."""
        self.again = False
        """It left the view and was shown again."""
        self.waiting: list[ScanId] = []
        """Readings after it left the view that wait for its decision, each by an id of its own."""

    def move(self, signal: ScanSignal) -> None:
        """Move by the table.

        Raises:
            KeyError: there is no such move.
        """
        self.phase = MOVES[self.phase, signal]

    @property
    def passed(self) -> bool:
        """Whether somebody may have been let in by its decision."""
        if self.final is None:
            return False
        return lets_in(self.final.answer.decision, self.final.answer.reason)

    @property
    def reviewed(self) -> bool:
        """Whether it is a group's review: no gate opens, staff lets in who is no exception."""
        return self.passed and not self._is_pass

    @property
    def _is_pass(self) -> bool:
        return self.final is not None and self.final.answer.decision is Outcome.PASS

    def over(self, now: float) -> bool:
        """Say whether its text is that of a new scan now.

        A pass counts from the last reading, so that it never passes again while it is shown on and
        on; a denial from the first, so that who stays is judged anew.
        """
        since = self.at if self.final is not None and not self.passed else self.seen_at
        return abs(now - since) >= SAME_S

    def ask(self, now: float) -> None:
        """Begin to be decided for who shows it now."""
        self.seen_at, self.again = now, False

    def read(self, now: float, *, typed: bool) -> bool:
        """Note one more reading; return whether the code is shown anew: it had left the view."""
        anew = typed or abs(now - self.seen_at) >= IN_VIEW_S
        self.seen_at = now
        self.again = self.again or anew
        return anew

    def __repr__(self) -> str:
        return f"Scan({self.scan_id}, {self.phase})"


def restored(
    scan_id: str, text: str, at: float, *, opened: bool, final: FinalDecision | None
) -> Scan:
    """Make a scan from what was kept of it; without a decision it is an orphan."""
    phase = Phase.ORPHAN if final is None else Phase.FINAL
    scan = Scan(scan_id=ScanId(scan_id), text=text, at=at, phase=phase)
    scan.opened, scan.final = opened, final
    # Nobody watched it meanwhile: whoever shows it now shows it anew.
    scan.again = True
    return scan


def restored_decision(
    scan_id: str,
    decision: Outcome,
    reason: Reason | None,
    sector_class: int | None,
    *,
    online: bool,
    language: Language,
) -> FinalDecision:
    """Make a decision from what was kept of it: group counts and names are not."""
    answer = TerminalAnswer(
        scan_id=scan_id,
        decision=decision,
        reason=reason,
        sentence=sentence(decision, reason, language),
        sector_class=sector_class,
        recorded=online,
    )
    return FinalDecision(answer=answer, online=online)


class Scans:
    """The scans of the last seconds, by text and by scan_id."""

    def __init__(self, terminal: str) -> None:
        self._terminal = terminal
        self._by_text: dict[str, Scan] = {}
        self._by_id: dict[str, Scan] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, text: str, now: float) -> Scan | None:
        """Return the scan that a text belongs to: of the same text, within ten seconds."""
        scan = self._by_text.get(text)
        return scan if scan is not None and not scan.over(now) else None

    def begin(self, text: str, now: float, random: bytes, phase: Phase) -> Scan | None:
        """Start a scan with a scan_id of its own; None: too many are open."""
        if len(self._by_id) >= MAX_OPEN and not self._drop_one():
            return None
        scan_id = make_scan_id(self._terminal, milliseconds=int(now * 1000), random=random)
        scan = Scan(scan_id=scan_id, text=text, at=now, phase=phase)
        self._hold(scan)
        return scan

    def restore(self, scan: Scan) -> None:
        """Take in a scan from before a restart."""
        if len(self._by_id) < MAX_OPEN or self._drop_one():
            self._hold(scan)

    def get(self, scan_id: str) -> Scan | None:
        """Return a scan by its id, if it is still remembered."""
        return self._by_id.get(scan_id)

    def settle(self, scan: Scan, final: FinalDecision) -> bool:
        """Give a scan its decision; False: it has one, and this one comes too late."""
        if (scan.phase, ScanSignal.DECISION) not in MOVES:
            return False
        scan.move(ScanSignal.DECISION)
        scan.final = final
        return True

    def forget(self, now: float) -> tuple[Scan, ...]:
        """Drop what is decided and over; return the orphans older than ten seconds."""
        for scan in tuple(self._by_id.values()):
            if scan.phase is Phase.FINAL and scan.over(now):
                self.drop(scan)
        return tuple(
            scan
            for scan in self._by_id.values()
            if scan.phase is Phase.ORPHAN and abs(now - scan.at) >= SAME_S
        )

    def drop(self, scan: Scan) -> None:
        """Forget a scan at once: nothing was decided, the next reading starts anew."""
        self._by_id.pop(scan.scan_id, None)
        if self._by_text.get(scan.text) is scan:
            del self._by_text[scan.text]

    def _hold(self, scan: Scan) -> None:
        self._by_id[scan.scan_id] = scan
        self._by_text[scan.text] = scan

    def _drop_one(self) -> bool:
        """Make room by forgetting the oldest decided scan."""
        for scan in self._by_id.values():
            if scan.phase is Phase.FINAL:
                self.drop(scan)
                return True
        return False

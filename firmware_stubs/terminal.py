"""The terminal as a pure machine: `handle(event, now) -> actions`. No clock, no I/O.

One table of states and signals says where the terminal stands; everything else hangs on the state.

- boot: nothing is loaded yet; nobody passes.
- enrolling: no identity yet; nobody passes.
- online: the centre decides, within a limit; when it does not, the terminal decides alone.
- offline: the terminal decides alone, and asks now and then whether the centre is back.
- suspended: the centre said no to this terminal; nobody passes, commands are refused, what waits in
  the outbox waits. Durable: cutting the network does not lift it.

The shell carries the actions out in their order and comes back with events; what it could not make
durable it does not do. Document: docs/terminal.md, "States".
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from msgspec import structs

from firmware_stubs import actions, events
from firmware_stubs.actions import Action
from firmware_stubs.chunks import CardProgress, Chunks
from firmware_stubs.commands import CommandPlan, Ring
from firmware_stubs.connectivity import Connectivity
from firmware_stubs.events import Event
from firmware_stubs.scans import FinalDecision, Phase, Scan, Scans, ScanSignal, lets_in
from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.scan import ScanId, TerminalAnswer, make_scan_id
from verifier.contract.vocabulary import Outcome


class State(StrEnum):
    """Where the terminal stands."""

    BOOT = "boot"
    ENROLLING = "enrolling"
    ONLINE = "online"
    OFFLINE = "offline"
    SUSPENDED = "suspended"


class TerminalSignal(StrEnum):
    """What moves it."""

    READY = "ready"
    """All is loaded, an identity is there."""
    NOBODY = "nobody"
    """All is loaded, there is no identity yet."""
    BARRED = "barred"
    """All is loaded, and the centre had suspended the terminal before the restart."""
    ENROLLED = "enrolled"
    """An identity has come."""
    LOST = "lost"
    """The rule says that the centre is not worth asking, or there is no network."""
    BACK = "back"
    """The rule says that it is again."""
    REFUSED = "refused"
    """The centre does not let this terminal act."""
    ADMITTED = "admitted"
    """The centre answers this terminal again."""


_SAME: Final = {state: dict.fromkeys(TerminalSignal, state) for state in State}
_MOVES: Final[dict[State, dict[TerminalSignal, State]]] = {
    State.BOOT: {
        TerminalSignal.READY: State.ONLINE,
        TerminalSignal.NOBODY: State.ENROLLING,
        TerminalSignal.BARRED: State.SUSPENDED,
    },
    State.ENROLLING: {TerminalSignal.ENROLLED: State.ONLINE},
    State.ONLINE: {TerminalSignal.LOST: State.OFFLINE, TerminalSignal.REFUSED: State.SUSPENDED},
    State.OFFLINE: {TerminalSignal.BACK: State.ONLINE, TerminalSignal.REFUSED: State.SUSPENDED},
    State.SUSPENDED: {TerminalSignal.ADMITTED: State.ONLINE},
}
TABLE: Final[dict[tuple[State, TerminalSignal], State]] = {
    (state, signal): to for state in State for signal, to in (_SAME[state] | _MOVES[state]).items()
}
"""Complete: every state meets every signal; what it does not know leaves it where it is."""


class Terminal:
    """One terminal; all of its judgement but `assess` and `conclude`, which are the verifier's."""

    def __init__(self, terminal: str, *, language: Language) -> None:
        self.state = State.BOOT
        self.connectivity = Connectivity()
        self.scans = Scans(terminal)
        self.chunks = Chunks()
        self.ring = Ring()
        self.cut = False
        """Somebody took the network away."""
        self.equipped = False
        """There are bundles to decide alone by."""
        self._name = terminal
        self._language = language
        self._handlers: dict[type[Any], Callable[[Any, float], list[Action]]] = {
            events.StateLoaded: self._loaded,
            events.Enrolled: self._enrolled,
            events.Equipped: self._equipped,
            events.Presented: self._presented,
            events.CentreAnswered: self._answered,
            events.CentreFailed: self._failed,
            events.CentreRefused: self._refused,
            events.Probed: self._probed,
            events.DecidedAlone: self._decided,
            events.Switched: self._switched,
            events.CommandArrived: self._told,
            events.Acted: self._acted,
            events.Tick: self._tick,
        }

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take in an event at `now` (corrected Unix seconds) and return what to do, in order."""
        return self._handlers[type(event)](event, now)

    # Where it stands

    def _loaded(self, event: events.StateLoaded, now: float) -> list[Action]:
        if self.state is not State.BOOT:
            return []
        self.ring = Ring(event.ring)
        for scan in event.scans:
            self.scans.restore(scan)
        if not event.identity:
            self._move(TerminalSignal.NOBODY)
        else:
            self._move(TerminalSignal.BARRED if event.suspended else TerminalSignal.READY)
        written = [actions.Write(plan=plan) for plan in self.ring.restarted()]
        return [*written, *self._tick(events.Tick(), now), actions.Probe()]

    def _enrolled(self, _event: events.Enrolled, _now: float) -> list[Action]:
        moved = self._move(TerminalSignal.ENROLLED)
        return [actions.Probe()] if moved else []

    def _equipped(self, event: events.Equipped, _now: float) -> list[Action]:
        self.equipped = event.usable
        return []

    def _switched(self, event: events.Switched, _now: float) -> list[Action]:
        if event.cut is self.cut:
            return []
        self.cut = event.cut
        self.connectivity.cut()
        self._move(TerminalSignal.LOST)
        return [] if self.cut else [actions.Probe()]

    def _probed(self, event: events.Probed, _now: float) -> list[Action]:
        if self.state in (State.BOOT, State.ENROLLING) or self.cut:
            return []
        if event.ok and self.state is State.SUSPENDED:
            self._move(TerminalSignal.ADMITTED)
            self.connectivity = Connectivity()
            return [actions.Suspend(suspended=False), actions.Upload()]
        return self._result(ok=event.ok, seconds=event.seconds)

    def _result(self, *, ok: bool, seconds: float) -> list[Action]:
        """Count a result of the centre, and move where the rule says."""
        if self.cut:
            return []
        verdict = self.connectivity.add(ok=ok, seconds=seconds)
        moved = self._move(TerminalSignal.BACK if verdict else TerminalSignal.LOST)
        if not moved:
            return []
        return [actions.Upload()] if verdict else [actions.Probe()]

    def _move(self, signal: TerminalSignal) -> bool:
        before, self.state = self.state, TABLE[self.state, signal]
        return self.state is not before

    # Scans

    def _presented(self, event: events.Presented, now: float) -> list[Action]:
        if self.state not in (State.ONLINE, State.OFFLINE):
            return [self._unavailable(self._id(event, now))]
        *_, text = (self.chunks.take(text, now) for text in event.texts)
        if isinstance(text, CardProgress):
            return [actions.ShowNext(progress=text)]
        known = self.scans.find(text, now)
        if known is not None and known.phase is not Phase.ORPHAN:
            return self._again(known, event, now)
        ask_centre = self.state is State.ONLINE
        if not ask_centre and not self.equipped:
            return [self._unavailable(self._id(event, now))]
        if known is None:
            known = self.scans.begin(text, now, event.random, Phase.ASKING)
        if known is None:
            return [self._unavailable(self._id(event, now))]
        known.ask(now)
        known.move(ScanSignal.ASK if ask_centre else ScanSignal.DECIDE_ALONE)
        if not ask_centre:
            return [actions.Decide(scan=known)]
        limit = self.connectivity.limit()
        return [actions.Note(scan=known), actions.Ask(scan=known, limit_s=limit)]

    def _again(self, scan: Scan, event: events.Presented, now: float) -> list[Action]:
        """Answer a reading of a known text: of the same showing, or of another one."""
        shown_anew = scan.read(now, typed=event.typed)
        if scan.final is None:
            if not scan.again:
                return [actions.Wait(scan_id=scan.scan_id)]
            own = self._id(event, now)
            scan.waiting.append(own)
            return [actions.Wait(scan_id=own)]
        if not (scan.opened or scan.reviewed):
            # Denied; or the terminal died between a pass and its gate, and nobody went in.
            scan.again = False
            return self._show(scan, scan.final)
        if not scan.again:
            return self._show(scan, scan.final)
        shown = self._passed_before(self._id(event, now))
        return [actions.Count(), shown] if shown_anew else [shown]

    def _passed_before(self, own: ScanId) -> Action:
        """Say of a showing that the code has passed: it lets nobody in, and is no scan."""
        return actions.Show(answer=self._no(own, Reason.USE_SHOWN_AGAIN), online=False)

    def _answered(self, event: events.CentreAnswered, _now: float) -> list[Action]:
        moved = self._result(ok=True, seconds=event.seconds)
        scan = self.scans.get(event.answer.scan_id)
        if scan is None or scan.phase is not Phase.ASKING:
            # Too late: the terminal has decided, or is deciding, alone.
            return moved
        if self.equipped and _left_open(event.answer):
            scan.move(ScanSignal.DECIDE_ALONE)
            return [actions.Decide(scan=scan), *moved]
        verdict = FinalDecision(answer=event.answer, online=True)
        self.scans.settle(scan, verdict)
        kept = actions.Keep(scan=scan, verdict=verdict, acknowledged=event.answer.recorded)
        return [kept, *self._show(scan, verdict), *moved]

    def _failed(self, event: events.CentreFailed, _now: float) -> list[Action]:
        # An answer that makes no sense is an answer: the network is there.
        moved = self._result(ok=False, seconds=event.seconds) if event.network else []
        scan = self.scans.get(event.scan_id)
        if scan is None or scan.phase is not Phase.ASKING:
            return moved
        if self.equipped:
            scan.move(ScanSignal.DECIDE_ALONE)
            return [actions.Decide(scan=scan), *moved]
        return [*self._nobody_decides(scan), *moved]

    def _refused(self, event: events.CentreRefused, _now: float) -> list[Action]:
        moved = self._move(TerminalSignal.REFUSED)
        then: list[Action] = [actions.Suspend(suspended=True)] if moved else []
        scan = self.scans.get(event.scan_id) if event.scan_id else None
        if scan is not None and scan.phase is Phase.ASKING:
            then += self._nobody_decides(scan)
        return then

    def _decided(self, event: events.DecidedAlone, _now: float) -> list[Action]:
        scan = self.scans.get(event.answer.scan_id)
        verdict = FinalDecision(answer=event.answer, online=False)
        if scan is None or not self.scans.settle(scan, verdict):
            return []
        return [*self._show(scan, verdict), actions.Upload()]

    def _show(self, scan: Scan, verdict: FinalDecision) -> list[Action]:
        """Show a decision; the gate opens the first time only, and that is noted before."""
        shown = actions.Show(answer=verdict.answer, online=verdict.online)
        waiting = self._shown_to_waiting(scan, verdict)
        if verdict.answer.decision is not Outcome.PASS or scan.opened:
            return [shown, *waiting]
        scan.opened = True
        return [actions.OpenGate(scan_id=scan.scan_id), shown, *waiting]

    def _shown_to_waiting(self, scan: Scan, verdict: FinalDecision) -> list[Action]:
        """Answer who showed the code anew while it was being decided."""
        waiting, scan.waiting = scan.waiting, []
        if lets_in(verdict.answer.decision, verdict.answer.reason):
            return [self._passed_before(own) for own in waiting]
        return [
            actions.Show(answer=structs.replace(verdict.answer, scan_id=own), online=verdict.online)
            for own in waiting
        ]

    def _nobody_decides(self, scan: Scan) -> list[Action]:
        """Let nobody in on a scan that the centre may have decided and nobody here can.

        It stays open for its ten seconds: shown again it is asked under the same scan_id, and
        what the centre stored of it is found. After that it is written down as what it was.
        """
        scan.move(ScanSignal.NOBODY)
        waiting, scan.waiting = scan.waiting, []
        return [self._unavailable(own) for own in (scan.scan_id, *waiting)]

    def _unavailable(self, scan_id: ScanId) -> Action:
        return actions.Show(answer=self._no(scan_id), online=False)

    def _no(self, scan_id: ScanId, reason: Reason = Reason.SYSTEM_UNAVAILABLE) -> TerminalAnswer:
        return TerminalAnswer(
            scan_id=scan_id,
            decision=Outcome.DENY,
            reason=reason,
            sentence=sentence(Outcome.DENY, reason, self._language),
            recorded=False,
        )

    def _id(self, event: events.Presented, now: float) -> ScanId:
        return make_scan_id(self._name, milliseconds=int(now * 1000), random=event.random)

    # Commands

    def _told(self, event: events.CommandArrived, now: float) -> list[Action]:
        if self.state in (State.BOOT, State.ENROLLING):
            return []
        plan = self.ring.receive(
            event.command,
            now=int(now * 1000),
            clock_sure=event.clock_sure,
            suspended=self.state is State.SUSPENDED,
            retained=event.retained,
        )
        if plan.act is None:
            return _written(plan)
        return [*_written(plan), actions.CarryOut(command=event.command.id, type=plan.act)]

    def _acted(self, event: events.Acted, _now: float) -> list[Action]:
        return _written(self.ring.finish(event.command, done=event.done))

    # Time

    def _tick(self, _event: events.Tick, now: float) -> list[Action]:
        self.chunks.forget(now)
        ended: list[Action] = []
        for scan in self.scans.forget(now):
            verdict = FinalDecision(answer=self._no(scan.scan_id), online=False)
            self.scans.settle(scan, verdict)
            ended.append(actions.Keep(scan=scan, verdict=verdict, acknowledged=False))
        return [*ended, actions.Upload()] if ended else []


def _left_open(answer: TerminalAnswer) -> bool:
    """Say whether the centre only lacked its store: who has passed is known here as well."""
    return not answer.recorded and answer.reason is Reason.USE_UNKNOWN


def _written(plan: CommandPlan) -> list[Action]:
    return [] if plan.word is None else [actions.Write(plan=plan)]

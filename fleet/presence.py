"""Presence: whether a terminal is there, by epoch and by what was heard from it.

A table over (link, signal) and few rules around it, pure: `now` in ms is handed over, a tick asks
what time alone has changed, and a step of the server's clock moves all moments with it. Every
message names its epoch = (generation, counter) and boot; what comes from an older epoch is ignored,
so the will of a connection already replaced changes nothing.
A lost connection has 45 s of grace; 90 s without a sign of life is the backstop for wills that the
broker lost. Flapping is >= 5 lost connections in 10 min and ends after 10 stable minutes.

Two machines with one certificate throw each other off, again and again. One machine never uses one
epoch for two boots, and a boot that was replaced never returns; either is an incident.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from fleet.contract.messages import Epoch
from fleet.incidents import IncidentKind

GRACE_MS: Final = 45_000
"""From a lost connection to offline: a reconnect with backoff usually fits."""
LATE_MS: Final = 45_000
"""Without a heartbeat (every 30 s, jitter included) the terminal is degraded."""
SILENT_MS: Final = 90_000
"""Without any sign of life it is offline: three heartbeats."""
FLAP_COUNT: Final = 5
"""Lost connections that make a terminal flapping ..."""
FLAP_WINDOW_MS: Final = 600_000
"""... within this, and how long it must then stay connected to be called stable."""
BOOTS_KEPT: Final = 8
"""Earlier (epoch, boot) pairs by which a duplicate is told from a rival."""


class Presence(StrEnum):
    """What is shown of a terminal."""

    ONLINE = "online"
    DEGRADED = "degraded"
    """Its connection is in the grace time, or its heartbeats are late."""
    OFFLINE = "offline"
    FLAPPING = "flapping"


class Link(StrEnum):
    """The state of the table."""

    DOWN = "down"
    UP = "up"
    LATE = "late"
    """Heartbeats are overdue, nothing said that the connection was lost."""
    GRACE = "grace"
    """The connection was lost; a new one may follow."""


class PresenceSignal(StrEnum):
    """The event of the table, after the epoch was looked at."""

    BORN = "born"
    """A birth of this epoch or a newer one."""
    HEARTBEAT = "heartbeat"
    ALIVE = "alive"
    """Other traffic of this epoch or a newer one."""
    LOST = "lost"
    """The will of this epoch, or the broker itself was gone."""
    GRACE_OVER = "grace_over"
    LATE = "late"
    SILENT = "silent"


TABLE: Final[dict[tuple[Link, PresenceSignal], Link]] = {
    (Link.DOWN, PresenceSignal.BORN): Link.UP,
    (Link.DOWN, PresenceSignal.HEARTBEAT): Link.UP,
    (Link.DOWN, PresenceSignal.ALIVE): Link.UP,
    (Link.DOWN, PresenceSignal.LOST): Link.DOWN,
    (Link.DOWN, PresenceSignal.GRACE_OVER): Link.DOWN,
    (Link.DOWN, PresenceSignal.LATE): Link.DOWN,
    (Link.DOWN, PresenceSignal.SILENT): Link.DOWN,
    (Link.UP, PresenceSignal.BORN): Link.UP,
    (Link.UP, PresenceSignal.HEARTBEAT): Link.UP,
    (Link.UP, PresenceSignal.ALIVE): Link.UP,
    (Link.UP, PresenceSignal.LOST): Link.GRACE,
    (Link.UP, PresenceSignal.GRACE_OVER): Link.UP,
    (Link.UP, PresenceSignal.LATE): Link.LATE,
    (Link.UP, PresenceSignal.SILENT): Link.DOWN,
    (Link.LATE, PresenceSignal.BORN): Link.UP,
    (Link.LATE, PresenceSignal.HEARTBEAT): Link.UP,
    (Link.LATE, PresenceSignal.ALIVE): Link.LATE,
    (Link.LATE, PresenceSignal.LOST): Link.GRACE,
    (Link.LATE, PresenceSignal.GRACE_OVER): Link.LATE,
    (Link.LATE, PresenceSignal.LATE): Link.LATE,
    (Link.LATE, PresenceSignal.SILENT): Link.DOWN,
    (Link.GRACE, PresenceSignal.BORN): Link.UP,
    (Link.GRACE, PresenceSignal.HEARTBEAT): Link.UP,
    (Link.GRACE, PresenceSignal.ALIVE): Link.UP,
    (Link.GRACE, PresenceSignal.LOST): Link.GRACE,
    (Link.GRACE, PresenceSignal.GRACE_OVER): Link.DOWN,
    (Link.GRACE, PresenceSignal.LATE): Link.GRACE,
    (Link.GRACE, PresenceSignal.SILENT): Link.DOWN,
}
"""Complete: every link meets every signal."""


class TerminalPresence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one terminal's presence; times in ms."""

    link: Link = Link.DOWN
    epoch: Epoch | None = None
    boot: str | None = None
    last_seen: int = 0
    """Newest sign of life; 0 before the first."""
    last_beat: int = 0
    """Newest birth or heartbeat."""
    up_since: int = 0
    """When the present connection was first heard of."""
    lost_at: int = 0
    """When the grace time began."""
    losses: tuple[int, ...] = ()
    """Lost connections within the window, oldest first, at most FLAP_COUNT."""
    flapping: bool = False
    earlier: tuple[tuple[Epoch, str], ...] = ()
    """Pairs of (epoch, boot) born before, oldest first."""

    @property
    def presence(self) -> Presence:
        """Return what is shown."""
        if self.link is Link.DOWN:
            return Presence.OFFLINE
        if self.flapping:
            return Presence.FLAPPING
        return Presence.ONLINE if self.link is Link.UP else Presence.DEGRADED


class PresenceStep(Struct, frozen=True):
    """What an event made of it."""

    seen: TerminalPresence
    incidents: tuple[IncidentKind, ...] = ()
    ignored: bool = False
    """The message belongs to another epoch or boot: it says nothing about now."""


NEVER: Final = TerminalPresence()


def born(seen: TerminalPresence, epoch: Epoch, boot: str, now: int) -> PresenceStep:
    """Take in a birth."""
    if (epoch, boot) == (seen.epoch, seen.boot):
        return PresenceStep(_follow(seen, PresenceSignal.BORN, now))
    if (epoch, boot) in seen.earlier:
        # A redelivery of what a newer birth has already replaced.
        return PresenceStep(seen, ignored=True)
    if seen.epoch is not None and epoch <= seen.epoch:
        kind = IncidentKind.TWO_MACHINES
        if epoch < seen.epoch and not _knows(seen, boot, epoch):
            kind = IncidentKind.EPOCH_ROLLBACK
        return PresenceStep(_remember(seen, epoch, boot), (kind,), ignored=True)
    incidents: list[IncidentKind] = []
    if boot != seen.boot and any(boot == earlier for _, earlier in seen.earlier):
        incidents.append(IncidentKind.TWO_MACHINES)
    before = seen
    if seen.link in (Link.UP, Link.LATE) and seen.epoch is not None:
        # A new connection without a will: the old one was lost and nobody said so.
        before = _lose(seen, now)
    if seen.epoch is not None and seen.boot is not None:
        before = _remember(before, seen.epoch, seen.boot)
    after = structs.replace(before, epoch=epoch, boot=boot, up_since=now)
    after = _follow(after, PresenceSignal.BORN, now)
    if after.flapping and not seen.flapping:
        incidents.append(IncidentKind.FLAPPING)
    return PresenceStep(after, tuple(incidents))


def heard(seen: TerminalPresence, epoch: Epoch, boot: str, now: int, *, beat: bool) -> PresenceStep:
    """Take in a heartbeat (`beat`) or other traffic."""
    if epoch == seen.epoch:
        if boot != seen.boot:
            return PresenceStep(seen, (IncidentKind.TWO_MACHINES,), ignored=True)
    elif seen.epoch is not None and epoch < seen.epoch:
        return PresenceStep(seen, ignored=True)
    else:
        # Its birth was lost with the broker; the epoch and boot are enough.
        if seen.epoch is not None and seen.boot is not None:
            seen = _remember(seen, seen.epoch, seen.boot)
        seen = structs.replace(seen, epoch=epoch, boot=boot, up_since=now)
    return PresenceStep(
        _follow(seen, PresenceSignal.HEARTBEAT if beat else PresenceSignal.ALIVE, now)
    )


def lost(seen: TerminalPresence, epoch: Epoch, boot: str, now: int) -> PresenceStep:
    """Take in a will; only that of the present connection counts."""
    if epoch != seen.epoch or boot != seen.boot:
        return PresenceStep(seen, ignored=True)
    if seen.link in (Link.DOWN, Link.GRACE):
        return PresenceStep(seen)
    after = structs.replace(
        _lose(seen, now), link=TABLE[seen.link, PresenceSignal.LOST], lost_at=now
    )
    flaps = after.flapping and not seen.flapping
    return PresenceStep(after, (IncidentKind.FLAPPING,) if flaps else ())


def broker_lost(seen: TerminalPresence, now: int) -> PresenceStep:
    """Take in that the broker restarted: the connection is gone, through no fault of its own."""
    if seen.link in (Link.DOWN, Link.GRACE):
        return PresenceStep(seen)
    return PresenceStep(
        structs.replace(seen, link=TABLE[seen.link, PresenceSignal.LOST], lost_at=now)
    )


def tick(seen: TerminalPresence, now: int, listening_since: int = 0) -> PresenceStep:
    """Let time pass; silence while the fleet did not listen (both in ms) is no silence."""
    after = seen
    if after.link is Link.GRACE and now - max(after.lost_at, listening_since) >= GRACE_MS:
        after = structs.replace(after, link=TABLE[after.link, PresenceSignal.GRACE_OVER])
    if after.link is not Link.DOWN and now - max(after.last_seen, listening_since) >= SILENT_MS:
        after = structs.replace(after, link=TABLE[after.link, PresenceSignal.SILENT])
    if after.link is Link.UP and now - max(after.last_beat, listening_since) >= LATE_MS:
        after = structs.replace(after, link=TABLE[after.link, PresenceSignal.LATE])
    if after.flapping and _stable(after, now):
        after = structs.replace(after, flapping=False, losses=())
    return PresenceStep(after)


def shifted(seen: TerminalPresence, by: int) -> TerminalPresence:
    """Move all moments by `by` ms: the server's clock made a step, and no time passed."""

    def moved(at: int) -> int:
        return max(1, at + by) if at else 0

    return structs.replace(
        seen,
        last_seen=moved(seen.last_seen),
        last_beat=moved(seen.last_beat),
        up_since=moved(seen.up_since),
        lost_at=moved(seen.lost_at),
        losses=tuple(map(moved, seen.losses)),
    )


def not_after(seen: TerminalPresence, now: int) -> TerminalPresence:
    """Return what was stored with no moment later than now, by a clock that was ahead then."""
    latest = max(seen.last_seen, seen.last_beat, seen.up_since, seen.lost_at, *seen.losses, 0)
    return shifted(seen, now - latest) if latest > now else seen


def _stable(seen: TerminalPresence, now: int) -> bool:
    return seen.link is Link.UP and now - seen.up_since >= FLAP_WINDOW_MS


def _follow(seen: TerminalPresence, signal: PresenceSignal, now: int) -> TerminalPresence:
    """Move by the table and note the sign of life."""
    link = TABLE[seen.link, signal]
    moved = link is not seen.link
    back = moved and seen.link in (Link.DOWN, Link.GRACE) and link is Link.UP
    return structs.replace(
        seen,
        link=link,
        last_seen=max(seen.last_seen, now),
        last_beat=seen.last_beat if signal is PresenceSignal.ALIVE and not back else now,
        up_since=now if back else seen.up_since,
    )


def _lose(seen: TerminalPresence, now: int) -> TerminalPresence:
    """Count one lost connection."""
    recent = (*(at for at in seen.losses if now - at < FLAP_WINDOW_MS), now)[-FLAP_COUNT:]
    return structs.replace(seen, losses=recent, flapping=seen.flapping or len(recent) >= FLAP_COUNT)


def _remember(seen: TerminalPresence, epoch: Epoch, boot: str) -> TerminalPresence:
    return structs.replace(seen, earlier=(*seen.earlier, (epoch, boot))[-BOOTS_KEPT:])


def _knows(seen: TerminalPresence, boot: str, epoch: Epoch) -> bool:
    """Whether an old epoch is another machine's: its boot is known, or the epoch had another."""
    return boot == seen.boot or any(boot == before or epoch == at for at, before in seen.earlier)

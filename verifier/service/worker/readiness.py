"""Whether a worker can do its work; if not, what is wrong and what to do."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from runtime.audit import AuditLog
from runtime.clock import now
from runtime.http.audited import no_audit
from runtime.http.health import Finding, Readiness
from verifier.contract.audit import Act
from verifier.contract.status import PlaneName, plane_of
from verifier.service.process.keys import DailyKeys
from verifier.service.process.unread_records import UnreadRecords
from verifier.service.store.commit import Commit
from verifier.service.worker.follow.grants import GrantFollower
from verifier.service.worker.follow.suspensions import SuspensionFollower
from verifier.service.worker.knowledge import FOLLOWERS, Knowledge
from verifier.status.plane import PlaneView

FLEET_SILENT_S: Final = 60.0
"""Seconds without an answer of the fleet until it is said; its long polls last 25."""
PLANE_SILENT_S: Final = 180.0
"""Seconds without a delta until it is said; an unchanged plane has one each minute."""
NAMED: Final = 5
"""Names in one finding; a city has thousands of rosters and terminals."""
CLOCK_BEHIND_S: Final = 60.0
"""Seconds that something signed may lie ahead of this machine's clock: machines differ a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """What readiness looks at."""

    commit: Commit
    knowledge: Knowledge
    people: DailyKeys
    grants: GrantFollower
    suspensions: SuspensionFollower
    follows_fleet: bool
    audit: AuditLog[Act]
    unread: UnreadRecords
    serving: asyncio.Event
    """Set while the shared doors are open."""

    @property
    def loaded(self) -> bool:
        """Say whether all that codes are judged by was looked at once: it never ceases to be so."""
        knowledge = self.knowledge
        return (
            knowledge.known.trust.version > 0
            and knowledge.profiles.version > 0
            and self.grants.read.is_set()
            and self.suspensions.read.is_set()
            and knowledge.looked
        )

    def readiness(self) -> Readiness:
        """Return what is wrong now."""
        problems, warnings = list(self._problems()), list(self._warnings())
        known = self.knowledge.known
        return Readiness(
            ready=not problems,
            problems=tuple(problems),
            warnings=tuple(warnings),
            known={
                "trust_version": known.trust.version,
                "trust_expires_in": int(known.trust.expires - now()),
                "status_age": _oldest(self.knowledge),
                "profiles": len(self.knowledge.profiles.places()),
                "profiles_version": self.knowledge.profiles.version,
                "grants": len(self.knowledge.grants),
            }
            | planes_known(self.knowledge, now()),
        )

    def _problems(self) -> list[Finding]:
        found = []
        if not self.serving.is_set():
            found.append(Finding(code="doors.closed", detail="the worker starts or stops: wait"))
        if self.commit.problem is not None:
            found.append(
                Finding(code="store.unfit", detail=f"{self.commit.problem}: start or repair Redis")
            )
        if not self.knowledge.known.trust.version:
            found.append(
                Finding(
                    code="trust.missing",
                    detail="there is no trust bundle yet: start the issuing process",
                )
            )
        if not self.knowledge.profiles.version:
            found.append(
                Finding(
                    code="profiles.missing",
                    detail="there are no profiles yet: start the issuing process",
                )
            )
        if not self.grants.read.is_set():
            found.append(Finding(code="grants.unread", detail="kept grants are being read: wait"))
        found += unread_problems(self.knowledge)
        if self.people.at(now(), None) is None:
            found.append(
                Finding(
                    code="person_key.missing",
                    detail="today's person-hash key is missing: start the issuing process",
                )
            )
        return found

    def _warnings(self) -> list[Finding]:
        found = []
        trust = self.knowledge.known.trust
        if trust.version and now() > trust.expires:
            found.append(
                Finding(
                    code="trust.expired",
                    detail="the trust bundle has expired: start the issuing process",
                )
            )
        if not self.knowledge.grants:
            found.append(
                Finding(code="grants.none", detail="no terminal has a grant: start the fleet")
            )
        if self.grants.refused:
            found.append(
                Finding(
                    code="grants.refused",
                    detail=f"{self.grants.refused} grants are not signed by a trusted key:"
                    " run `kapok trust show`",
                )
            )
        if self.grants.behind:
            found.append(
                Finding(
                    code="grants.behind",
                    detail="the fleet's grants rank below those in force: it lost its store and"
                    " its floor; rotate the grant key",
                )
            )
        found += knowledge_warnings(self.knowledge, now())
        found += _suspended(self.knowledge)
        found += self.unread.findings()
        if not self.audit.writable:
            found.append(no_audit())
        heard = self.grants.heard
        silent = heard is None or time.monotonic() - heard > FLEET_SILENT_S
        if self.follows_fleet and silent:
            found.append(Finding(code="fleet.silent", detail="the fleet does not answer: start it"))
        return found


def _suspended(knowledge: Knowledge) -> list[Finding]:
    """Say which terminals workers suspended."""
    grants = knowledge.grants
    known = sorted(name for name in knowledge.suspended if name in grants)
    named = [name for name in known if knowledge.is_suspended(grants[name])]
    if not named:
        return []
    shown = ", ".join(named[:NAMED])
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    detail = f"{shown}{more}: uploads contradict what the centre knows; nobody passes there"
    return [Finding(code="terminals.suspended", detail=detail)]


def unread_problems(knowledge: Knowledge) -> list[Finding]:
    """Return what the store names and nobody here has judged yet; the doors wait for it."""
    if not knowledge.known.trust.version:
        return []
    sets = [knowledge.unread.get(it) for it in FOLLOWERS]
    names = sorted(name for each in sets if each is not None for name in each)
    if None not in sets and not names:
        return []
    said = ", ".join(names[:NAMED]) or "what the store names"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [
        Finding(
            code="bundles.unread",
            detail=f"{said}{more} was not looked at yet, and the doors wait for it:"
            " make the issuing process ready",
        )
    ]


def planes_known(knowledge: Knowledge, moment: float) -> dict[str, int]:
    """Return version and ages (seconds) of planes; `fed_age` while a source is stale."""
    found = {}
    for key, view in knowledge.known.status.planes().items():
        name = PlaneName(*key).bundle
        found[name] = view.version
        found[f"{name}.age"] = int(moment - view.as_of)
        if view.fed is not None:
            found[f"{name}.fed_age"] = int(moment - view.fed)
    return found


def knowledge_warnings(knowledge: Knowledge, moment: float) -> list[Finding]:
    """Return what is wrong with what a worker knows, though it goes on judging by it."""
    found = [
        Finding(
            code="bundle.refused",
            detail=f"{name} {why} is refused: read the log; the version before stays in force",
        )
        for name, why in sorted(knowledge.refused.items())
    ]
    planes = knowledge.known.status.planes()
    for key, view in planes.items():
        found += _plane_warnings(PlaneName(*key).bundle, view, moment)
    ahead = max((view.as_of - moment for view in planes.values()), default=0.0)
    if ahead > CLOCK_BEHIND_S:
        found.append(
            Finding(
                code="clock.behind",
                detail=f"this machine's clock is {ahead:.0f} s behind what was signed last: set it",
            )
        )
    return found


def _plane_warnings(name: str, view: PlaneView, moment: float) -> list[Finding]:
    found = []
    if moment - view.as_of > PLANE_SILENT_S:
        found.append(
            Finding(
                code="plane.silent",
                detail=f"{name} had no delta for {moment - view.as_of:.0f} s:"
                " make the issuing process ready",
            )
        )
    if view.fed is not None:
        found.append(
            Finding(
                code="plane.stale",
                detail=f"a source of {name} has sent nothing for {moment - view.fed:.0f} s: ask it",
            )
        )
    return found


def _oldest(knowledge: Knowledge) -> int:
    """Return the age of the oldest plane in seconds; -1 while there is none."""
    oldest = -1
    for name in knowledge.bundles:
        plane = plane_of(name)
        if plane is not None:
            view = knowledge.known.status.plane(*plane)
            oldest = oldest if view is None else max(oldest, int(now() - view.known_as_of))
    return oldest

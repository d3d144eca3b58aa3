"""Every kind of write of the verifier's services against Redis: a call of each, by its name.

`<file>.<function>` of `verifier/service/store`. A test finds writes that have no row here.
"""

import asyncio
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from redis.asyncio import Redis

from tests.support.changes import CAUSE, SEAL, change
from tests.support.issued import grant_of
from tests.support.stalled_store import Call, until_it_stands
from tests.support.store_line import TAG, new_scan, once, record
from verifier.contract.amendment import Amendment, AmendmentKind
from verifier.contract.bundle import Appointment
from verifier.contract.holder import Purpose
from verifier.contract.proposal import Proposal, ProposalKind, ProposalReason, ProposalState
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Answer, Plane
from verifier.feeds.corrections import CorrectionCase, CorrectionEvent, CorrectionReason
from verifier.feeds.freshness import Fed
from verifier.feeds.reports import BatchReport, BatchState
from verifier.issuing.acts import BudgetedAct
from verifier.issuing.credential_row import CredentialForm, credential_row
from verifier.service.store import (
    amendments,
    aof_rewrite,
    appointments,
    budgets,
    bulk,
    bundles,
    causes,
    challenges,
    city_load,
    corrections,
    credentials,
    deltas,
    destruction,
    erased,
    feeds,
    grants,
    holders,
    indices,
    issued,
    moments,
    observed,
    persons,
    planes,
    proposals,
    record_hours,
    staged,
    subjects,
    suspensions,
    wire,
)
from verifier.service.store.commit import Commit
from verifier.service.store.scans import digest_of, scan_command, upload_command

NOW: Final = int(time.time())
DAY_S: Final = 86_400
"""What must still be there when the test runs: collecting all may have taken minutes."""
LIST: Final = 1
HEALTH: Final = PlaneName(LIST, Plane.HEALTH)
REVOCATION: Final = PlaneName(LIST, Plane.REVOCATION)
SIZE: Final = 4096
KID: Final = bytes(range(8))
HEAD: Final = deltas.PlaneHead(1, b"h" * 32, NOW)
NEXT: Final = deltas.PlaneHead(2, b"i" * 32, NOW)
GRANT: Final = grant_of("stalled-1", 1)
SAID: Final = Amendment(kind=AmendmentKind.ANNULLED, by="stalled-1", at=NOW * 1000)
CHALLENGE: Final = challenges.Challenge(purpose=Purpose.RENEWAL, person=1, by="stalled")
ROW: Final = credential_row(7, expires=NOW + 7200, form=CredentialForm.PAPER)
BOOKED: Final = appointments.Booked(Appointment(list=LIST, person=1, begins=NOW, ends=NOW + 60))
ISSUED: Final = issued.Issued(
    digest=b"d", person=1, credential=1, signed=b"s", form=CredentialForm.PAPER,
    expires=NOW + 60, kid=None, guardian=None, instead=None, status_version=1,
)  # fmt: skip
REPORT: Final = BatchReport(
    source="lab", batch="00", digest="00", sequence=9, state=BatchState.APPLIED
)
PLAN: Final = bulk.BatchPlan(
    batch=0, digest=b"d", issued_at=NOW, lines=(bulk.PlannedLine(person=3, credential=3),)
)
STEP: Final = staged.StagedStep("lab", b"m", b"l", 1, last=False, observed=0)
HELD: Final = causes.HeldValue(
    causes.Hold(proposal="00", by=("ling", "hao"), reason="order", at=NOW), b"{}", b""
)
SUBJECT: Final = subjects.StoredSubject(
    values={}, credentials=(), revoked=(), carried=(), origins={}, holds={}, cases=()
)


def case(name: str, *, closed: int = 0) -> CorrectionCase:
    """Return a case of correction."""
    return CorrectionCase(
        id=name, list=LIST, person=900 + closed, plane=Plane.HEALTH, value="red",
        reason=CorrectionReason.OUTDATED, opened=NOW, opened_by="desk",
    )  # fmt: skip


def proposal(name: str, at: int) -> Proposal:
    """Return a proposal."""
    return Proposal(
        id=name * 32, kind=ProposalKind.COLOUR, subject="person:1:1", before="none", after="red",
        reason=ProposalReason.ORDER, text="a test", state=ProposalState.OPEN, proposed_by="ling",
        proposed_at=at, expires=at + 1000,
    )  # fmt: skip


async def prepare(redis: Redis) -> None:
    """Make what some writes change or forget."""
    await planes.make_plane(redis, HEALTH, SIZE)
    await planes.make_plane(redis, REVOCATION, SIZE)
    await corrections.open_case(redis, case("to-close"))
    await corrections.open_case(redis, case("of-a-person", closed=1))
    await corrections.open_case(redis, case("old", closed=2))
    await corrections.close_case(redis, "old", CorrectionEvent.REFUSE, 1.0)
    await proposals.keep_proposal(redis, proposal("1", 1))
    kept = holders.Carried(41, 41)
    await holders.carry(redis, LIST, 40, KID, kept, expires=NOW + DAY_S, now=NOW)
    await erased.mark_erased(redis, LIST, 77)
    await persons.keep_person(redis, LIST, b"gone" * 8, 77)


async def by_wire(redis: Redis, command: bytes) -> object:
    """Send a packed command as scans are sent, while the store stands still."""
    into = redis.connection_pool.connection_kwargs

    async def connect(lost: Any) -> wire.Wire:
        path, user, password = (into[name] for name in ("path", "username", "password"))
        return await wire.connect(path, user, password, lost=lost, seconds=5)

    commit = Commit(connect)
    running = asyncio.create_task(commit.run())
    reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    try:
        while not commit.up:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await until_it_stands()
        assert commit.submit(command, reply.set_result)
        return await reply
    finally:
        running.cancel()


def scanned(redis: Redis) -> Any:
    """Store a live scan."""
    made = record(new_scan())
    return by_wire(
        redis, scan_command(TAG, digest_of("t-1", "a"), made, [once("a")], unclaimed=Answer.FRESH)
    )


def uploaded(redis: Redis) -> Any:
    """Store an uploaded scan."""
    made = record(new_scan(), offline=True, final=record(new_scan()).outcome)
    return by_wire(
        redis, upload_command(TAG, digest_of("t-1", "b"), made, [once("b")], unclaimed=Answer.FRESH)
    )


def spend(redis: Redis) -> Any:
    """Take one item of a budget."""
    return budgets.spend(redis, BudgetedAct.REVOKE, "operator:ling", 1, 10)


def carry(redis: Redis) -> Any:
    """Note whose code a phone carries."""
    row = holders.Carried(6, 6)
    return holders.carry(redis, LIST, 5, KID, row, expires=NOW + 60, now=NOW)


def fill_plane(redis: Redis) -> Any:
    """Fill a piece of a plane."""
    return city_load.fill_plane(
        redis, HEALTH, 64, b"\1", job="0" * 16, progress=("", "one"), seal=SEAL
    )


def publish_delta(redis: Redis) -> Any:
    """Publish a delta."""
    return deltas.publish_delta(
        redis, HEALTH, b"delta", before=HEAD, after=NEXT, last="0-1", keep_from=0
    )


def new_version(redis: Redis) -> Any:
    """Take the next version of a roster."""
    from verifier.service.store import rosters  # noqa: PLC0415 - it was elsewhere before

    return rosters.next_roster_version(redis, b"g" * 8)


def keep_group(redis: Redis) -> Any:
    """Keep a group's row."""
    from verifier.service.store import rosters  # noqa: PLC0415 - it was elsewhere before

    return rosters.keep_group(redis, b"g" * 8, b"row")


def drop_groups(redis: Redis) -> Any:
    """Drop a group's row."""
    from verifier.service.store import rosters  # noqa: PLC0415 - it was elsewhere before

    return rosters.drop_groups(redis, [b"h" * 8])


WRITES: Final[Mapping[str, Call]] = MappingProxyType(
    {
        "amendments.annul": lambda r: amendments.annul(r, TAG, new_scan(), SAID),
        "amendments.look": lambda r: amendments.look(r, TAG, new_scan()),
        "amendments.resolve": lambda r: amendments.resolve(r, TAG, new_scan(), "0-1", SAID),
        "aof_rewrite.rewrite_file": aof_rewrite.rewrite_file,
        "appointments.drop_booked": lambda r: appointments.drop_booked(r, "hall-9", ["x"]),
        "appointments.keep_booked": lambda r: appointments.keep_booked(
            r, "hall-1", {"a": BOOKED}, changed=["a"]
        ),
        "budgets.spend": spend,
        "bulk.keep_job": lambda r: bulk.keep_job(r, "1" * 16, [4]),
        "bulk.keep_plan": lambda r: bulk.keep_plan(r, "2" * 16, PLAN),
        "bundles.publish_bundle": lambda r: bundles.publish_bundle(r, "revoked", 1, b"a"),
        "bundles.remove_bundle": lambda r: bundles.remove_bundle(r, "gone"),
        "causes.forget_end": lambda r: causes.forget_end(r, HEALTH, 5),
        "causes.forget_holds": lambda r: causes.forget_holds(r, PlaneName(9, Plane.HEALTH)),
        "challenges.keep_challenge": lambda r: challenges.keep_challenge(r, b"k" * 16, CHALLENGE),
        "challenges.use_challenge": lambda r: challenges.use_challenge(r, b"u" * 16, "request"),
        "city_load.fill_persons": lambda r: city_load.fill_persons(
            r, {persons.bucket_key(LIST, 3): [b"12345678", b"3"]}
        ),
        "city_load.fill_plane": fill_plane,
        "city_load.keep_progress": lambda r: city_load.keep_progress(r, "3" * 16, "half"),
        "city_load.take_all": lambda r: city_load.take_all(r, 8, "person", b"\1"),
        "corrections.close_case": lambda r: corrections.close_case(
            r, "to-close", CorrectionEvent.REFUSE, NOW
        ),
        "corrections.forget_cases": lambda r: corrections.forget_cases(r, NOW),
        "corrections.forget_person_cases": lambda r: corrections.forget_person_cases(r, LIST, 901),
        "corrections.open_case": lambda r: corrections.open_case(r, case("new")),
        "credentials.hold": lambda r: credentials.hold(r, LIST, 1, ROW, now=NOW),
        "credentials.hold_all": lambda r: credentials.hold_all(r, LIST, [(2, ROW)], now=NOW),
        "credentials.release": lambda r: credentials.release(r, LIST, 3, [7], now=NOW),
        "deltas.lay_snapshot": lambda r: deltas.lay_snapshot(r, HEALTH, "health", 1, b"s"),
        "deltas.publish_delta": publish_delta,
        "deltas.start_over": lambda r: deltas.start_over(
            r, HEALTH, before=None, after=HEAD, last="0-1"
        ),
        "destruction.condemn": lambda r: destruction.condemn(r, PlaneName(9, Plane.TEST)),
        "destruction.remove": lambda r: destruction.remove(r, PlaneName(8, Plane.TEST)),
        "erased.mark_erased": lambda r: erased.mark_erased(r, LIST, 50),
        "feeds.keep_report": lambda r: feeds.keep_report(r, REPORT),
        "feeds.write_fed": lambda r: feeds.write_fed(r, LIST, {(LIST, Plane.HEALTH): Fed(1, 2)}),
        "grants.drop_grants": lambda r: grants.drop_grants(r, ["stalled-2"]),
        "grants.keep_grant": lambda r: grants.keep_grant(r, GRANT, b"signed"),
        "holders.carry": carry,
        "holders.count_made": lambda r: holders.count_made(r, LIST, 1, 20_000),
        "holders.drop_family": lambda r: holders.drop_family(r, LIST, 8, KID[:5], [1]),
        "holders.see_nonce": lambda r: holders.see_nonce(r, KID, b"n" * 16, NOW),
        "indices.draw": lambda r: indices.draw(r, LIST, "person", SIZE),
        "indices.draw_many": lambda r: indices.draw_many(r, LIST, "credential", SIZE, 3),
        "issued.keep_issued": lambda r: issued.keep_issued(r, "4" * 32, ISSUED),
        "observed.observe": lambda r: observed.observe(r, HEALTH, [(1, NOW)], NOW),
        "persons.forget_person": lambda r: persons.forget_person(r, LIST, b"none" * 8),
        "persons.keep_persons": lambda r: persons.keep_person(r, LIST, b"gone" * 8, 78),
        "planes.change": lambda r: change(r, {HEALTH: [(9, 1)]}),
        "planes.end_hold": lambda r: planes.end_hold(r, HEALTH, 10, HELD, CAUSE),
        "planes.make_plane": lambda r: planes.make_plane(r, PlaneName(7, Plane.HEALTH), SIZE),
        "proposals.count_proposed": lambda r: proposals.count_proposed(r, "ling", NOW * 1000),
        "proposals.drop_note": lambda r: proposals.drop_note(r, "5" * 32),
        "proposals.forget_proposals": lambda r: proposals.forget_proposals(r, NOW * 1000),
        "proposals.keep_note": lambda r: proposals.keep_note(r, "6" * 32, b"note"),
        "proposals.keep_proposal": lambda r: proposals.keep_proposal(r, proposal("7", NOW)),
        "rosters.drop_groups": drop_groups,
        "rosters.keep_group": keep_group,
        "rosters.next_roster_version": new_version,
        "moments.tell_step": lambda r: moments.tell_step(r, 1),
        "record_hours.remove_hour": lambda r: record_hours.remove_hour(r, NOW // 3600 - 40),
        "scans.scan_command": scanned,
        "scans.upload_command": uploaded,
        "staged.drop_staged": lambda r: staged.drop_staged(r, ["0-1"]),
        "staged.stage": lambda r: staged.stage(r, STEP),
        "subjects._forget_carried": lambda r: subjects._forget_carried(r, LIST, 41, [40]),
        "subjects.erase_subject": lambda r: subjects.erase_subject(
            r, LIST, 60, SUBJECT, cause=CAUSE, now=NOW
        ),
        "suspensions.count_contradictions": lambda r: suspensions.count_contradictions(
            r, GRANT, 1, seconds=3600
        ),
        "suspensions.suspend": lambda r: suspensions.suspend(r, GRANT),
    }
)
"""By `<file>.<function>`."""

"""What keeps: the store and its disk, the audit logs, and all that has an end."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deploy.local import audits
from deploy.local.errors import LocalError
from deploy.status.answers import Answers
from deploy.status.planes import span
from deploy.status.report import Level, ReportRow, Section
from deploy.trust.overview import Trusted, When
from deploy.words.phrase import Phrase
from fleet import identity
from fleet.errors import IdentityError
from verifier.contract.audit import AuditFlaw

SOON_S: Final = 30 * 86_400
"""Seconds before an end from which it is marked: a house renews at a start within this."""
BUNDLE_SOON_S: Final = 3 * 86_400
"""A trust bundle lives a week and is signed anew halfway: less left means that nobody does."""
FILLING: Final = 0.9
"""Share of `maxmemory` from which the store is said to fill up."""
MIN_DISK_BYTES: Final = 1 << 30
"""Bytes free below which it is said: the store's file is written anew beside the old one."""
FULL_DISK_BYTES: Final = 16 << 20
"""Bytes free below which the disk is called full: a log grows by as much before it is turned."""
_DAY: Final = 86_400


def store(data: Path, answers: Answers) -> Section:
    """Return the rows of Redis and of the disk it writes to."""
    free = shutil.disk_usage(data).free
    said = Phrase("{size} free", size=_size(free))
    disk = ReportRow(subject=Phrase("disk"), said=said)
    if free < FULL_DISK_BYTES:
        disk = ReportRow(subject=disk.subject, said=said, level=Level.PROBLEM, code="disk.full")
    elif free < MIN_DISK_BYTES:
        disk = ReportRow(subject=disk.subject, said=said, level=Level.WARNING, code="disk.low")
    rows = [*_redis(answers.store.body)] if answers.store.good else []
    return Section(title=Phrase("store"), rows=(*rows, disk))


def audit(data: Path) -> Section:
    """Return a row for each audit log that is not whole, and one for all others."""
    rows, whole = [], []
    try:
        for path, found in audits.verified(audits.logs(data, ()), None):
            if found.flaw in (None, AuditFlaw.TORN):
                # A torn end is an entry that is being written, or one that a start sets aside.
                whole.append(f"{path.stem} {found.entries}")
                continue
            flaw = Phrase(audits.EXPLAINED[found.flaw])
            said = Phrase("line {line}: {flaw}", line=found.line, flaw=flaw)
            rows.append(
                ReportRow(subject=path.stem, said=said, level=Level.PROBLEM, code="audit.broken")
            )
    except LocalError as error:
        rows.append(
            ReportRow(
                subject=Phrase("logs"), said=str(error), level=Level.PROBLEM, code="audit.broken"
            )
        )
    if whole:
        said = Phrase("entries: {logs}", logs=", ".join(whole))
        rows.append(ReportRow(subject=Phrase("whole"), said=said))
    return Section(title=Phrase("audit"), rows=rows)


def ends(data: Path, trusted: Trusted | LocalError, now: float) -> Section:
    """Return what ends and when: trust, keys, certificates, and the keys that hash persons."""
    rows = [*_certificates(data, now), *_day_keys(data, now)]
    if isinstance(trusted, LocalError):
        unread = ReportRow(
            subject=Phrase("trust"), said=str(trusted), level=Level.PROBLEM, code="trust.unread"
        )
        return Section(title=Phrase("ends"), rows=(unread, *rows))
    return Section(title=Phrase("ends"), rows=(*_trust(trusted, now), *rows))


def _redis(said: Any) -> Iterator[ReportRow]:
    most, used = int(said["maxmemory"]), int(said["used_memory"])
    memory = Phrase(
        "{used} of {most}, {keys} keys",
        used=_size(used),
        most=_size(most) if most else Phrase("no limit"),
        keys=said["keys"],
    )
    counted = used - int(said["mem_not_counted_for_evict"])
    level, code = Level.FINE, ""
    if most and counted >= FILLING * most:
        full = counted >= most
        level = Level.PROBLEM if full else Level.WARNING
        code = "store.full" if full else "store.filling"
    yield ReportRow(subject=Phrase("memory"), said=memory, level=level, code=code)
    policy = f"appendonly {said['appendonly']}, appendfsync {said['appendfsync']}"
    durable = (said["appendonly"], said["appendfsync"]) == ("yes", "always")
    yield ReportRow(
        subject=Phrase("durability"),
        said=f"{policy}, Redis {said['redis_version']}",
        level=Level.FINE if durable else Level.PROBLEM,
        code="" if durable else "store.durability",
    )
    if "aof_current_size" in said:
        written = said["aof_last_write_status"] == said["aof_last_bgrewrite_status"] == "ok"
        yield ReportRow(
            subject=Phrase("file"),
            said=Phrase(
                "{size}, last write {write}, last rewrite {rewrite}",
                size=_size(int(said["aof_current_size"])),
                write=said["aof_last_write_status"],
                rewrite=said["aof_last_bgrewrite_status"],
            ),
            level=Level.FINE if written else Level.PROBLEM,
            code="" if written else "store.writing",
        )


def _trust(trusted: Trusted, now: float) -> Iterator[ReportRow]:
    yield _end(Phrase("root"), _version(trusted.root.version), trusted.root.ends, now)
    bundle = trusted.in_force
    if bundle is not None:
        left = bundle.ends - now
        yield ReportRow(
            subject=Phrase("trust bundle"),
            said=Phrase.listed(
                (_version(bundle.version), Phrase("ends in {span}", span=span(left)))
            ),
            level=Level.FINE if left > BUNDLE_SOON_S else Level.WARNING,
            code="" if left > BUNDLE_SOON_S else "bundle.old",
        )
    rows = [
        _end(
            Phrase("key {kid}", kid=row.kid[:16]),
            row.name or row.uses or row.formats,
            row.ends,
            now,
        )
        for row in trusted.bundle or trusted.source
        if row.when is not When.LATER
    ]
    yield from _marked(rows, Phrase("keys"))


def _certificates(data: Path, now: float) -> Iterator[ReportRow]:
    yield from _marked([*_certificates_all(data, now)], Phrase("certificates"))


def _marked(rows: Sequence[ReportRow], what: Phrase) -> Iterator[ReportRow]:
    """Yield the rows that are marked; of the others how many there are, and one of them."""
    fine = [row for row in rows if row.level is Level.FINE]
    yield from (row for row in rows if row.level is not Level.FINE)
    if fine:
        said = Phrase(
            "{count} hold for more than {days} days", count=len(fine), days=SOON_S // _DAY
        )
        yield ReportRow(subject=what, said=said)


def _certificates_all(data: Path, now: float) -> Iterator[ReportRow]:
    paths = (*(data / "keys").glob("*.crt.pem"), *(data / "terminals").glob("*/cert.pem"))
    for path in sorted(paths):
        name = path.name.removesuffix(".crt.pem")
        name = path.parent.name if name == "cert.pem" else name
        subject = Phrase("certificate {name}", name=name)
        try:
            found = identity.load_certificate(path.read_bytes())
        except (OSError, IdentityError) as error:
            said = Phrase("cannot be read ({error})", error=type(error).__name__)
            yield ReportRow(subject=subject, said=said, level=Level.PROBLEM, code="ends.ended")
            continue
        yield _end(subject, "", found.not_valid_after_utc.timestamp(), now)


def _day_keys(data: Path, now: float) -> Iterator[ReportRow]:
    for code, missing, day in (
        ("person_key.missing", "today's key, {name}, is missing", now),
        ("person_key.tomorrow", "tomorrow's key, {name}, is missing", now + _DAY),
    ):
        name = f"{datetime.fromtimestamp(day, UTC):%Y-%m-%d}.key"
        there = (data / "keys" / "person-hash" / name).exists()
        if not there:
            said = Phrase(missing, name=name)
            yield ReportRow(
                subject=Phrase("person hash"), said=said, level=Level.WARNING, code=code
            )


def _end(subject: str, what: str, at: float, now: float) -> ReportRow:
    left = at - now
    said = Phrase("ended {span} ago", span=span(-left))
    if left >= 0:
        said = Phrase("ends in {days:.0f} days", days=left / _DAY)
    level, code = Level.FINE, ""
    if left < SOON_S:
        ended = left < 0
        level, code = (
            Level.PROBLEM if ended else Level.WARNING,
            "ends.ended" if ended else "ends.soon",
        )
    return ReportRow(subject=subject, said=Phrase.listed((what, said)), level=level, code=code)


def _version(number: int) -> Phrase:
    return Phrase("version {version}", version=number)


def _size(number: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"

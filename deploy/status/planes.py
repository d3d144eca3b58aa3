"""What is known: planes with version and ages, sources, the archive, terminals."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from deploy.status.answers import Answers
from deploy.status.report import Level, ReportRow, Section
from deploy.words.phrase import Phrase
from verifier.contract.status import plane_of

LAG: Final = 2
"""Versions that a worker may be behind while a delta is on its way."""
WAITING_RECORDS: Final = 100
"""Records in an outbox from which it is said: a lively gate holds some."""
MAX_FINE: Final = 20
"""Terminals shown that are well; of more, their number."""
_UNITS: Final = (
    (86_400, "{number:.0f} d"),
    (3600, "{number:.0f} h"),
    (60, "{number:.0f} min"),
)
_PRESENCES: Final = {
    "offline": Level.WARNING,
    "degraded": Level.WARNING,
    "flapping": Level.WARNING,
}


def planes(answers: Answers) -> Section:
    """Return a row for each plane: the newest version, its ages, and workers that are behind."""
    workers = {
        name: heard.body.get("known", {})
        for name, heard in answers.processes.items()
        if name.startswith("worker-") and heard.status
    }
    published = answers.processes["issuing"].body.get("known", {})
    names = {n for known in (*workers.values(), published) for n in known if _is_plane(n)}
    rows = [row for name in sorted(names) for row in _plane(name, workers, published)]
    return Section(title=Phrase("planes"), rows=rows)


def sources(answers: Answers) -> Section:
    """Return a row for each source."""
    rows = [_source(source) for source in answers.sources.body.get("sources", ())]
    return Section(title=Phrase("sources"), rows=rows)


def archive(answers: Answers, now: float) -> Section:
    """Return the row of the archive: what waits, and until when records are in day files."""
    known = answers.processes["archive"].body.get("known")
    if known is None:
        return Section(title=Phrase("archive"), rows=())
    until = int(known.get("moved_until", 0))
    waiting = Phrase("{hours} closed hours wait", hours=known.get("waiting_hours", 0))
    said = Phrase.listed((moved_until(until, now), waiting))
    return Section(title=Phrase("archive"), rows=(ReportRow(subject=Phrase("records"), said=said),))


def terminals(answers: Answers, now: float) -> Section:
    """Return a row for each terminal; of many that are well, only how many they are."""
    heads = {b["name"]: b.get("head", b["version"]) for b in _bundles(answers)}
    own = {
        str(heard.body["terminal"]): heard.body
        for heard in answers.processes.values()
        if "terminal" in heard.body
    }
    rows = [
        row
        for listed in answers.terminals.body.get("terminals", ())
        for row in _terminal(listed, own.get(listed["terminal"], {}), heads, now)
    ]
    fine = [row for row in rows if row.level is Level.FINE]
    if len(fine) > MAX_FINE:
        rows = [row for row in rows if row.level is not Level.FINE]
        said = Phrase("{count} terminals are online", count=len(fine))
        rows.append(ReportRow(subject=Phrase("others"), said=said))
    return Section(title=Phrase("terminals"), rows=rows)


def span(seconds: float) -> Phrase:
    """Say a span of time in its largest unit."""
    for size, unit in _UNITS:
        if abs(seconds) >= 2 * size:
            return Phrase(unit, number=seconds / size)
    return Phrase("{number:.0f} s", number=seconds)


def moved_until(until: int, now: float) -> Phrase:
    """Say how far the archive has come; 0: it has not begun."""
    if not until:
        return Phrase("nothing moved yet")
    return Phrase("moved until {span} ago", span=span(now - until))


def _is_plane(name: str) -> bool:
    return plane_of(name) is not None


def _plane(
    name: str, workers: Mapping[str, Mapping[str, int]], published: Mapping[str, int]
) -> Iterator[ReportRow]:
    known_by = {worker: known[name] for worker, known in workers.items() if name in known}
    newest = max((*known_by.values(), published.get(name, 0)))
    if not known_by:
        yield ReportRow(
            subject=name,
            said=Phrase("version {version} is published, and no worker knows it", version=newest),
            level=Level.PROBLEM,
            code="plane.unknown",
        )
        return
    ages = [known[f"{name}.age"] for known in workers.values() if f"{name}.age" in known]
    fed = [known[f"{name}.fed_age"] for known in workers.values() if f"{name}.fed_age" in known]
    said = Phrase.listed(
        (
            Phrase("version {version}", version=newest),
            Phrase("{span} old", span=span(max(ages, default=0))),
            Phrase("fed {span} ago", span=span(max(fed))) if fed else "",
        )
    )
    yield ReportRow(subject=name, said=said, level=Level.NOTE if fed else Level.FINE)
    for worker, version in known_by.items():
        if newest - version > LAG:
            yield ReportRow(
                subject=name,
                said=Phrase(
                    "{worker} is at version {version} of {newest}",
                    worker=worker,
                    version=version,
                    newest=newest,
                ),
                level=Level.WARNING,
                code="plane.behind",
            )


def _source(source: Mapping[str, Any]) -> ReportRow:
    age, fresh = source["age"], str(source["freshness"])
    refused, breaker = sum(source["refused"].values()), str(source["breaker"])
    told = Phrase(
        "told everything {span} ago (stale after {limit})",
        span=span(age or 0),
        limit=span(source["stale_after"]),
    )
    said = Phrase.listed(
        (
            Phrase(fresh),
            Phrase(str(source["state"])),
            Phrase("batch {number}", number=source["sequence"]),
            "" if age is None else told,
            Phrase("{count} refused", count=refused) if refused else "",
            "" if breaker == "closed" else Phrase("breaker {state}", state=Phrase(breaker)),
        )
    )
    if source["state"] == "suspended":
        return ReportRow(
            subject=source["source"], said=said, level=Level.NOTE, code="source.suspended"
        )
    if fresh == "stale" and source["required"]:
        return ReportRow(
            subject=source["source"], said=said, level=Level.WARNING, code="source.stale"
        )
    # What no plane needs makes no decision older; of one that has never sent feeds says it itself.
    level = Level.NOTE if fresh in ("stale", "never") or refused else Level.FINE
    return ReportRow(subject=source["source"], said=said, level=level)


def _bundles(answers: Answers) -> Iterable[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = answers.heads.body.get("bundles", ())
    return found


def _terminal(
    listed: Mapping[str, Any], own: Mapping[str, Any], heads: Mapping[str, int], now: float
) -> Iterator[ReportRow]:
    name, presence = str(listed["terminal"]), str(listed["presence"])
    outbox = own.get("outbox", {})
    waiting = outbox.get("waiting", (listed["beat"] or {}).get("outbox"))
    bundles = own.get("bundles") or (listed["reported"] or {}).get("bundles") or {}
    seen = listed["last_seen"]
    ago = Phrase("seen {span} ago", span=span(now - (seen or 0) / 1000))
    said = Phrase.listed(
        (
            Phrase(presence),
            "" if listed["state"] == "active" else Phrase(str(listed["state"])),
            Phrase("never seen") if seen is None else ago,
            Phrase("cut off by hand") if own.get("cut") else "",
            "" if waiting is None else Phrase("outbox {count}", count=waiting),
            " ".join(
                f"{_short(name)} {number}"
                for name, number in sorted(bundles.items())
                if name != "root"
            ),
        )
    )
    level = _PRESENCES.get(presence, Level.FINE) if listed["state"] == "active" else Level.NOTE
    code = f"terminal.{presence}" if level is Level.WARNING else ""
    if own.get("cut"):  # whatever the fleet sees of it, that is why
        level, code = Level.WARNING, "terminal.cut"
    yield ReportRow(subject=name, said=said, level=level, code=code)
    for code, what in _troubles(listed, outbox, waiting, own):
        yield ReportRow(subject=name, said=what, level=Level.WARNING, code=code)
    behind = _behind(bundles, heads)
    if behind and presence == "online" and own.get("state", "online") == "online":
        yield ReportRow(subject=name, said=behind, level=Level.NOTE, code="terminal.behind")


def _troubles(
    listed: Mapping[str, Any],
    outbox: Mapping[str, Any],
    waiting: int | None,
    own: Mapping[str, Any],
) -> Iterator[tuple[str, Phrase]]:
    if waiting is not None and waiting >= WAITING_RECORDS:
        yield "terminal.waiting", Phrase("{count} records wait for the centre", count=waiting)
    if outbox.get("lost"):
        yield (
            "terminal.lost",
            Phrase("{count} records did not fit its outbox", count=outbox["lost"]),
        )
    counters = own.get("counters") or (listed["beat"] or {}).get("counters") or {}
    refused = outbox.get("refused", counters.get("outbox.refused", 0))
    if refused:
        yield (
            "terminal.refused",
            Phrase("the centre refused {count} of its records; nobody stored them", count=refused),
        )
    missing = outbox.get("missing", counters.get("outbox.missing", 0))
    if missing:
        yield (
            "terminal.missing",
            Phrase("its disk lost up to {count} records that were kept", count=missing),
        )
    unsure = not own["clock"]["sure"] if own else (listed["beat"] or {}).get("clock", "ok") != "ok"
    if unsure:
        yield "terminal.clock", Phrase("it is not sure of the time")
    kinds = sorted({str(incident["kind"]) for incident in listed["incidents"]})
    if kinds:
        yield "terminal.incident", Phrase("open incidents: {kinds}", kinds=", ".join(kinds))


def _behind(bundles: Mapping[str, int], heads: Mapping[str, int]) -> Phrase | None:
    """Say which bundles a terminal has that are older than the verifier's by more than a little."""
    old = [
        Phrase(
            "{name} {version} of {newest}", name=_short(name), version=version, newest=heads[name]
        )
        for name, version in sorted(bundles.items())
        if heads.get(name, 0) - version > LAG
    ]
    return Phrase("behind: {bundles}", bundles=Phrase.listed(old)) if old else None


def _short(name: str) -> str:
    return name.removeprefix("status-")

"""What is known: planes with version and ages, sources, the archive, terminals."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from deploy.status.answers import Answers
from deploy.status.report import Level, ReportRow, Section
from verifier.contract.status import plane_of

LAG: Final = 2
"""Versions that a worker may be behind while a delta is on its way."""
WAITING_RECORDS: Final = 100
"""Records in an outbox from which it is said: a lively gate holds some."""
MAX_FINE: Final = 20
"""Terminals shown that are well; of more, their number."""
_PRESENCES: Final = {
    "offline": Level.WARNING,
    "degraded": Level.WARNING,
    "flapping": Level.WARNING,
}


def planes(answers: Answers) -> Section:
    """Return a row a plane: the newest version, its ages, and workers that are behind."""
    workers = {
        name: heard.body.get("known", {})
        for name, heard in answers.processes.items()
        if name.startswith("worker-") and heard.status
    }
    published = answers.processes["issuing"].body.get("known", {})
    names = {n for known in (*workers.values(), published) for n in known if _is_plane(n)}
    rows = [row for name in sorted(names) for row in _plane(name, workers, published)]
    return Section(title="planes", rows=rows)


def sources(answers: Answers) -> Section:
    """Return a row a source."""
    rows = [_source(source) for source in answers.sources.body.get("sources", ())]
    return Section(title="sources", rows=rows)


def archive(answers: Answers, now: float) -> Section:
    """Return the row of the archive: what waits, and until when records are in day files."""
    known = answers.processes["archive"].body.get("known")
    if known is None:
        return Section(title="archive", rows=())
    until = int(known.get("moved_until", 0))
    moved = f"moved until {span(now - until)} ago" if until else "nothing moved yet"
    waiting = known.get("waiting_hours", 0)
    return Section(
        title="archive",
        rows=(ReportRow(subject="records", said=f"{moved}, {waiting} closed hours wait"),),
    )


def terminals(answers: Answers, now: float) -> Section:
    """Return a row a terminal; of many that are well, only how many they are."""
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
        rows.append(ReportRow(subject="others", said=f"{len(fine)} terminals are online"))
    return Section(title="terminals", rows=rows)


def span(seconds: float) -> str:
    """Say a span of time in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _is_plane(name: str) -> bool:
    return plane_of(name) is not None


def _plane(
    name: str, workers: Mapping[str, Mapping[str, int]], published: Mapping[str, int]
) -> Iterator[ReportRow]:
    held = {worker: known[name] for worker, known in workers.items() if name in known}
    newest = max((*held.values(), published.get(name, 0)))
    if not held:
        yield ReportRow(
            subject=name,
            said=f"version {newest} is published, and no worker knows it",
            level=Level.PROBLEM,
            code="plane.unknown",
        )
        return
    ages = [known[f"{name}.age"] for known in workers.values() if f"{name}.age" in known]
    fed = [known[f"{name}.fed_age"] for known in workers.values() if f"{name}.fed_age" in known]
    said = f"version {newest}, {span(max(ages, default=0))} old"
    said += f", fed {span(max(fed))} ago" if fed else ""
    yield ReportRow(subject=name, said=said, level=Level.NOTE if fed else Level.FINE)
    for worker, version in held.items():
        if newest - version > LAG:
            yield ReportRow(
                subject=name,
                said=f"{worker} is at version {version} of {newest}",
                level=Level.WARNING,
                code="plane.behind",
            )


def _source(source: Mapping[str, Any]) -> ReportRow:
    age, fresh = source["age"], str(source["freshness"])
    said = f"{fresh}, {source['state']}, batch {source['sequence']}"
    if age is not None:
        said += f", told everything {span(age)} ago (stale after {span(source['stale_after'])})"
    refused = sum(source["refused"].values())
    said += f", {refused} refused" if refused else ""
    said += f", breaker {source['breaker']}" if source["breaker"] != "closed" else ""
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
    said = [presence if listed["state"] == "active" else f"{presence}, {listed['state']}"]
    said.append("never seen" if seen is None else f"seen {span(now - seen / 1000)} ago")
    said.append("cut off by hand" if own.get("cut") else "")
    said.append("" if waiting is None else f"outbox {waiting}")
    said.append(
        " ".join(
            f"{_short(one)} {version}" for one, version in sorted(bundles.items()) if one != "root"
        )
    )
    level = _PRESENCES.get(presence, Level.FINE) if listed["state"] == "active" else Level.NOTE
    yield ReportRow(
        subject=name,
        said=", ".join(filter(None, said)),
        level=level,
        code=f"terminal.{presence}" if level is Level.WARNING else "",
    )
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
) -> Iterator[tuple[str, str]]:
    if waiting is not None and waiting >= WAITING_RECORDS:
        yield "terminal.waiting", f"{waiting} records wait for the centre"
    if outbox.get("lost"):
        yield "terminal.lost", f"{outbox['lost']} records did not fit its outbox"
    unsure = not own["clock"]["sure"] if own else (listed["beat"] or {}).get("clock", "ok") != "ok"
    if unsure:
        yield "terminal.clock", "it is not sure of the time"
    kinds = sorted({str(incident["kind"]) for incident in listed["incidents"]})
    if kinds:
        yield "terminal.incident", f"open incidents: {', '.join(kinds)}"


def _behind(bundles: Mapping[str, int], heads: Mapping[str, int]) -> str:
    """Say which bundles a terminal has that are older than the verifier's by more than a little."""
    old = [
        f"{_short(name)} {version} of {heads[name]}"
        for name, version in sorted(bundles.items())
        if heads.get(name, 0) - version > LAG
    ]
    return f"behind: {', '.join(old)}" if old else ""


def _short(name: str) -> str:
    return name.removeprefix("status-")

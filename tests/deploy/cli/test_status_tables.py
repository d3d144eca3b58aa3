"""`kapok status` on a screen: whole at any width, and in Chinese where the caller speaks it."""

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from deploy.cli.status_tables import print_report
from deploy.local import pidfile
from deploy.local.errors import LocalError
from deploy.status.advice import ADVICE
from deploy.status.answers import Answers, Heard
from deploy.status.planes import archive, planes, sources, terminals
from deploy.status.processes import finding_row, processes
from deploy.status.report import HouseReport, Level, ReportRow, Section
from deploy.status.storage import audit, ends, store
from deploy.trust.overview import Edition, KeyRow, Trusted, When
from deploy.words.chinese import said
from deploy.words.phrase import Phrase
from verifier.contract.reasons import Language

NOW = 1_800_000_000.0
GOOD = 200
REDIS: dict[str, Any] = {
    "maxmemory": 1 << 30, "used_memory": 1 << 30, "keys": 12, "mem_not_counted_for_evict": 0,
    "appendonly": "yes", "appendfsync": "always", "redis_version": "7.0.15",
    "aof_current_size": 5 << 20, "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok",
}  # fmt: skip
SOURCE: dict[str, Any] = {
    "source": "clinic", "state": "active", "freshness": "stale", "age": 4000, "stale_after": 900,
    "sequence": 3, "refused": {"signature": 2}, "breaker": "open", "required": ["health"],
}  # fmt: skip
TERMINAL: dict[str, Any] = {
    "terminal": "transit-1", "state": "active", "presence": "online", "last_seen": NOW * 1000,
    "beat": {"outbox": 500, "clock": "unsure"}, "reported": {"bundles": {"trust": 7}},
    "incidents": [{"kind": "identity.two_machines"}, {"kind": "sequence.gap"}],
}  # fmt: skip
PLANE = "status-1-revocation"
DATA_WORDS = frozenset(
    {
        *("terminal", "join", "scan", "id", "rules"),
        *(
            "kapok",
            "status",
            "worker",
            "issuing",
            "feeds",
            "archive",
            "fleet",
            "redis",
            "mosquitto",
        ),
        *("clinic", "transit", "hall", "health", "revocation", "trust", "identity", "machines"),
        *("two", "sequence", "gap", "Redis", "appendonly", "appendfsync", "yes", "always", "ok"),
        *("GiB", "MiB", "KiB", "JSON", "docs", "runbook", "md", "log", "SIGHUP", "places", "toml"),
        *("operators", "maxmemory", "state", "active", "root", "cbor", "json", "keys", "person"),
        *("hash", "records", "feed", "sources", "audit", "verify", "show", "up", "terminals"),
        *("hospital", "test", "ES", "cc", "credential", "kid", "abcdef", "key", "MQTT"),
        *("Linux", "Landlock", "seccomp", "ulimit", "Hn"),
    }
)
"""Ids, files, commands, settings and units: the same in every language."""


def answers() -> Answers:
    """Return what the doors of a house say where much is wrong."""
    known = {
        "issuing": {PLANE: 20, "status-1-test": 4},
        "worker-0": {PLANE: 20, f"{PLANE}.age": 3, f"{PLANE}.fed_age": 4000},
        "worker-1": {PLANE: 9, f"{PLANE}.age": 90},
        "archive": {"moved_until": int(NOW) - 7200, "waiting_hours": 2},
    }
    processes = {name: Heard(status=GOOD, body={"known": body}) for name, body in known.items()}
    quiet = {"source": "hospital", "state": "suspended", "freshness": "never", "age": None}
    away = {"terminal": "hall-1", "presence": "flapping", "last_seen": None, "incidents": []}
    return Answers(
        processes=processes,
        sources=Heard(status=GOOD, body={"sources": [SOURCE, SOURCE | quiet]}),
        terminals=Heard(status=GOOD, body={"terminals": [TERMINAL, TERMINAL | away]}),
        heads=Heard(status=GOOD, body={"bundles": [{"name": "trust", "version": 12}]}),
        store=Heard(status=GOOD, body=REDIS),
    )


def trusted() -> Trusted:
    """Return trust of which everything ends soon."""
    soon = Edition(version=3, begins=0, ends=int(NOW) + 86_400, when=When.SOON)
    ended = KeyRow(
        kid="abcdef0123456789", name="", formats="cc1", uses="credential", algorithm="ES256",
        issuer="440000", lists="1", begins=0, ends=int(NOW) - 86_400, when=When.ENDED,
    )  # fmt: skip
    return Trusted(
        root=soon, threshold=1, root_kids=(), bundle_kids=(), source=(ended,), in_force=soon,
        bundle=(ended,), note=None,
    )  # fmt: skip


def report(data: Path) -> HouseReport:
    """Return a report in which every section has something to say, and a row for each code."""
    (data / "audit").mkdir(exist_ok=True)
    (data / "audit" / "issuing.ndjson").write_text("no entry\n", encoding="utf-8")
    found = answers()
    every = [finding_row("worker-0", code, "", Level.PROBLEM) for code in ADVICE]
    sections = (
        processes(data, found),
        planes(found),
        sources(found),
        archive(found, NOW),
        store(data, found),
        audit(data),
        terminals(found, NOW),
        ends(data, trusted(), NOW),
        Section(title=Phrase("house"), rows=every),
    )
    return HouseReport(data=str(data), answers=True, sections=sections)


def printed(shown: HouseReport, language: Language, width: int) -> str:
    """Return the screen, which no line leaves and on which nothing is cut."""
    file = io.StringIO()
    console = Console(file=file, width=width, markup=False, highlight=False)
    print_report(console, shown, language)
    text = file.getvalue()
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    return text


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("language", Language)
def test_subjects_codes_and_advice_are_whole(
    width: int, language: Language, tmp_path: Path
) -> None:
    """Advice may go on in the next line; no word of it is lost."""
    shown = report(tmp_path)
    text = printed(shown, language, width)
    together = "".join(text.split())
    for row in shown.wrong:
        assert said(row.subject, language) in text
        assert row.do is not None
        assert "".join(said(row.do, language).split()) in together
    for word in (*ADVICE, "identity.two_machines", "sequence.gap", PLANE, "transit-1"):
        assert word in text


def test_no_english_is_left_in_chinese(tmp_path: Path) -> None:
    """But for ids, codes, files, commands and units."""
    shown = report(tmp_path)
    text = printed(shown, Language.ZH, 200)
    assert "异常：" in text
    text = re.sub(r"[a-z_]+\.[a-z_]+(?= ?[：（])", "", text)
    left = {word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in DATA_WORDS}
    assert left == set()


def test_data_stays_as_it_is() -> None:
    """A process may be called as a section is; its name is not translated."""
    row = ReportRow(subject="archive", said="archive: line of a log")
    shown = HouseReport(
        data="x", answers=True, sections=(Section(title=Phrase("archive"), rows=(row,)),)
    )
    lines = printed(shown, Language.ZH, 80).splitlines()
    assert lines[0] == "一切正常"
    assert lines[2] == "归档"
    assert "archive  archive: line of a log" in lines[3]


def test_the_document_is_english(tmp_path: Path) -> None:
    """Programs read it, whoever calls them."""
    shown = report(tmp_path).document()["sections"]
    assert {"processes", "planes", "ends"} <= shown.keys()
    assert shown["house"][0]["do"] in ADVICE.values()
    assert all(type(row["said"]) is str for rows in shown.values() for row in rows)


def test_rows_of_processes_have_their_number(tmp_path: Path) -> None:
    """Of those that run; for programs, which need not read the sentence."""
    (tmp_path / "run").mkdir()
    me = pidfile.identify("archive", os.getpid())
    assert me is not None
    pidfile.write(tmp_path / "run" / "children.json", (me,))
    rows = report(tmp_path).document()["sections"]["processes"]
    found = {row["subject"]: row.get("process") for row in rows}
    assert (found["archive"], found["worker-0"]) == (os.getpid(), None)


def test_an_unread_trust_is_said_as_the_error_says_it(tmp_path: Path) -> None:
    """Errors are English sentences; they name a file."""
    section = ends(tmp_path, LocalError("trust/root.cbor is missing"), NOW)
    shown = HouseReport(data="x", answers=True, sections=(section,))
    assert "trust/root.cbor is missing" in printed(shown, Language.ZH, 80)

"""`kapok audit verify` and `show`: a whole log, each way of spoiling one, what is printed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local import audits
from tests.support.command_line import kapok
from verifier.contract.audit import START, Act, AuditAction, AuditFlaw, line_of

PEOPLE = ("ling", "hao", "ling", "mei", "hao")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with the logs of two processes."""
    folder = tmp_path / "data" / "audit"
    folder.mkdir(parents=True)
    for process in ("fleet", "issuing"):
        lines, head = [], START
        for number, person in enumerate(PEOPLE):
            act = Act(
                action=AuditAction.PROPOSE, person=person, subject=f"person:1:{number}", ref="a1"
            )
            line, head = line_of(act, process=process, at=1_790_000_000_000 + number, head=head)
            lines.append(line)
        (folder / f"{process}.ndjson").write_bytes(b"".join(lines))
        (folder / f"{process}.head").write_bytes(msgspec.json.encode(head))
    return folder.parent


def flaws(data: Path) -> dict[str, AuditFlaw | None]:
    """Return what is wrong with each log."""
    return {path.stem: found.flaw for path, found in audits.verified(audits.logs(data, ()), None)}


def test_whole_logs_hold(data: Path) -> None:
    """Both are named with their heads, and a head that was noted holds its file."""
    said = kapok("audit", "verify", "--data", str(data)).out
    assert said.count("whole, 5 entries, head 5:") == 2
    head = said.splitlines()[0].rpartition(" ")[2]
    fleet, issuing = (str(data / "audit" / f"{name}.ndjson") for name in ("fleet", "issuing"))
    assert kapok("audit", "verify", fleet, "--head", head).code == 0
    assert kapok("audit", "verify", issuing, "--head", head).code == 1
    assert kapok("audit", "verify", fleet, issuing, "--head", head).code == 2
    assert kapok("audit", "verify", fleet, "--head", "5").code == 2


@pytest.mark.parametrize(
    "flaw", [AuditFlaw.HASH, AuditFlaw.CHAIN, AuditFlaw.SHORT, AuditFlaw.TORN, AuditFlaw.FORM]
)
def test_a_spoilt_log_fails(data: Path, flaw: AuditFlaw) -> None:
    """The other one still holds."""
    path = data / "audit" / "fleet.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    spoilt: dict[AuditFlaw, Any] = {
        AuditFlaw.HASH: [*lines[:2], lines[2].replace(b"ling", b"mei0"), *lines[3:]],
        AuditFlaw.CHAIN: [lines[0], *lines[2:]],
        AuditFlaw.SHORT: lines[:3],
        AuditFlaw.TORN: [*lines, b"{"],
        AuditFlaw.FORM: [*lines[:3], b"\n", *lines[3:]],
    }
    path.write_bytes(b"".join(spoilt[flaw]))
    assert kapok("audit", "verify", "--data", str(data)).code == 1
    assert flaws(data) == {"fleet": flaw, "issuing": None}


def test_swapped_and_deleted_logs_are_found(data: Path) -> None:
    """By the process in every entry, and by the head that stayed."""
    fleet, issuing = (data / "audit" / f"{name}.ndjson" for name in ("fleet", "issuing"))
    copy = fleet.read_bytes()
    fleet.write_bytes(issuing.read_bytes())
    assert flaws(data)["fleet"] is AuditFlaw.PROCESS
    fleet.unlink()
    assert flaws(data)["fleet"] is AuditFlaw.SHORT
    (elsewhere := data / "copy.txt").write_bytes(copy)
    ((_, found),) = audits.verified((elsewhere,), None)
    assert (found.flaw, found.head.seq) == (None, 5)


def test_entries_are_shown(data: Path) -> None:
    """Of one person, the last of them, in the order of their time."""
    shown = audits.entries(audits.logs(data, ()), person="ling", ref="a1", last=3)
    assert [entry.person for entry in shown] == ["ling"] * 3
    assert [entry.at for entry in shown] == sorted(entry.at for entry in shown)
    assert not audits.entries(audits.logs(data, ()), person=None, ref="b", last=3)
    assert "person:1:4" in kapok("audit", "show", "--data", str(data)).out


def test_no_logs_is_an_error(tmp_path: Path) -> None:
    """With exit code 2."""
    assert kapok("audit", "verify", "--data", str(tmp_path)).code == 2

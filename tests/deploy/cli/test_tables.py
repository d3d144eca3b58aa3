"""Tables on narrow screens: no id and no reason is cut, wide characters count as two."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from deploy.cli.audit import print_entries
from deploy.cli.records import print_days
from deploy.cli.tables import Column, TableRow, print_table
from deploy.cli.terminals import print_terminals
from deploy.cli.trust_tables import print_trusted
from deploy.day_files.days import Day
from deploy.local.terminals import fleet_row
from deploy.trust.overview import Edition, KeyRow, Trusted, When
from verifier.archive.manifest import DayManifest
from verifier.contract.audit import AuditEntry
from verifier.contract.reasons import Language

NOW = 1_800_000_000.0
KID = "8f2c6d1e0b7a4953"
THUMBPRINT = "3Kfdg-XwP-7gXyywtUfUADwBumDOPKMQx-iELL11W9s"


def printed(show: Callable[[Console], None], width: int) -> str:
    """Return what is printed on a screen of this width, which it must fit."""
    file = io.StringIO()
    show(Console(file=file, width=width, markup=False, highlight=False))
    text = file.getvalue()
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    return text


def terminal(name: str, incidents: tuple[str, ...]) -> tuple[str, ...]:
    """Return a row of the fleet."""
    listed = {
        "terminal": name, "place": "gz-metro-east-01", "gate": "gate-12", "direction": "in",
        "state": "suspended", "presence": "degraded", "last_seen": (NOW - 5) * 1000,
        "beat": {"outbox": 123}, "incidents": [{"kind": kind} for kind in incidents],
    }  # fmt: skip
    return fleet_row(listed, NOW)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("language", Language)
def test_terminals(width: int, language: Language) -> None:
    """Names, gates and kinds of incidents are whole in both languages."""
    kinds = ("identity.two_machines", "presence.flapping", "sequence.gap")
    rows = [terminal("transit-1", kinds), terminal("hall-1", ())]
    text = printed(lambda console: print_terminals(console, rows, language), width)
    for word in ("transit-1", "hall-1", "gz-metro-east-01/gate-12", *kinds, "123"):
        assert word in text
    assert ("已暂停" in text) is (language is Language.ZH)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_audit_entries(width: int) -> None:
    """Who did what, why, and by which proposal."""
    entry = AuditEntry(
        seq=4711, at=int(NOW * 1000), process="issuing", person="ling", by="operator:ling",
        action="proposal.approve", subject="person:1/12345678", before="green", after="red",
        reason="test_result", ref="b3f1c2d4e5a60718293a4b5c6d7e8f90", prev="0" * 64, hash="0" * 64,
    )  # fmt: skip
    text = printed(lambda console: print_entries(console, [entry]), width)
    for word in ("issuing 4711", "ling", "proposal.approve", entry.subject, entry.ref):
        assert word in text
    for word in ("green", "red", "test_result"):
        assert word in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_keys(width: int) -> None:
    """Kids are compared by people: they are whole, thumbprints too."""
    keys = tuple(
        KeyRow(
            kid=kid, name="广东省卫生健康委员会 Health Commission", formats="cc1 hc1",
            uses="credential status", algorithm="ES256", issuer="440000", lists="1",
            begins=int(NOW), ends=int(NOW) + 86_400, when=When.SOON,
        )
        for kid in (KID, THUMBPRINT)
    )  # fmt: skip
    edition = Edition(version=3, begins=int(NOW), ends=int(NOW) + 9, when=When.NOW)
    found = Trusted(
        root=edition, threshold=1, root_kids=(KID,), bundle_kids=(KID,), source=keys,
        in_force=edition, bundle=keys, note=None,
    )  # fmt: skip
    text = printed(lambda console: print_trusted(console, found), width)
    for word in (KID, THUMBPRINT, "credential", "440000", "2027-01-15"):
        assert word in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_days(width: int) -> None:
    """Days and when they are destroyed."""
    day = Day(day=20_783, folder=Path(), manifest=DayManifest(day="2026-11-26"))
    text = printed(lambda console: print_days(console, [day]), width)
    for word in (day.name, day.until, "bytes a record"):
        assert word in text


def test_a_cell_longer_than_the_screen_goes_on_below() -> None:
    """Only what no line can hold is broken."""
    rows = [TableRow(cells=["one", "x" * 70])]
    text = printed(lambda c: print_table(c, (Column(name="a"), Column(name="b")), rows), 60)
    assert "".join(text.split()).endswith("x" * 70)


def test_wide_characters_count_as_two() -> None:
    """A table that fits by characters and not by columns is written as lines."""
    rows = [TableRow(cells=["终端" * 8, "闸机" * 8])]
    columns = (Column(name="a"), Column(name="b"))
    assert "b 闸机" not in printed(lambda c: print_table(c, columns, rows), 80)
    assert "b 闸机" in printed(lambda c: print_table(c, columns, rows), 40)

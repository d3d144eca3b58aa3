"""records.md, destruction.md and privacy.md say what the product does: columns, members, words."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from verifier.archive import hours
from verifier.archive.manifest import ArchiveProgress, Contents, DayManifest, DayPart, Gap
from verifier.archive.row import COLUMNS
from verifier.contract.destruction import MAX_CERTIFICATE_BYTES, Destruction
from verifier.contract.proposal import DESTRUCTION_REASONS
from verifier.contract.subject import (
    MAX_ROWS,
    HeldCredential,
    IdentityCheck,
    SubjectAnswer,
    SubjectReason,
    SubjectRecord,
    SubjectRecords,
)

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
RECORDS: Final = (DOCS / "records.md").read_text(encoding="utf-8")
DESTRUCTION: Final = (DOCS / "destruction.md").read_text(encoding="utf-8")
PRIVACY: Final = (DOCS / "privacy.md").read_text(encoding="utf-8")


def test_every_column_has_its_row() -> None:
    """In the table of columns, in the order of the file, and no other."""
    table = RECORDS.partition("| column |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([a-z_, ]+) \|", table, re.MULTILINE)
    assert tuple(name for row in rows for name in row.split(", ")) == COLUMNS


@pytest.mark.parametrize("kind", [Contents, DayPart, DayManifest, Gap, ArchiveProgress])
def test_every_member_of_the_manifests_is_named(kind: type[Struct]) -> None:
    """As it stands in the JSON."""
    for name in kind.__struct_fields__:
        assert f'"{name}"' in RECORDS, name


def test_the_figures_of_keeping_are_those_of_the_code() -> None:
    """Hours in the store, hours until the alarm, days."""
    assert f"{hours.STORE_HOURS} hours" in RECORDS
    assert f"more than {hours.LATE_HOURS} closed hours" in RECORDS
    assert f"{hours.KEEP_DAYS} days after the day" in RECORDS


def test_every_member_of_the_certificate_is_described() -> None:
    """In its CDDL; and its bound."""
    cddl = DESTRUCTION.partition("```cddl")[2].partition("```")[0]
    for name in Destruction.__struct_fields__:
        assert re.search(rf"\b{name}: ", cddl), name
    assert f"{MAX_CERTIFICATE_BYTES:,} bytes" in DESTRUCTION
    assert all(f"`{reason}`" in DESTRUCTION for reason in DESTRUCTION_REASONS)


@pytest.mark.parametrize("kind", [SubjectAnswer, HeldCredential, SubjectRecords, SubjectRecord])
def test_every_member_of_an_answer_about_a_person_is_named(kind: type[Struct]) -> None:
    """As it stands in the JSON."""
    for name in kind.__struct_fields__:
        assert f'"{name}"' in PRIVACY, name


@pytest.mark.parametrize("words", [SubjectReason, IdentityCheck])
def test_every_word_is_named(words: type[StrEnum]) -> None:
    """Reasons, and how it was made sure who asks."""
    assert all(f"`{word}`" in PRIVACY for word in words)
    assert f"{MAX_ROWS:,}" in PRIVACY


@pytest.mark.parametrize("page", [RECORDS, DESTRUCTION, PRIVACY])
def test_links_lead_somewhere(page: str) -> None:
    """Of all three."""
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert (DOCS / target).is_file(), target

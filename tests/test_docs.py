"""The specifications say what the product does: the example, the sizes, the Reasons, the causes."""

import re
from pathlib import Path

import pytest

from tests.support.city import GROUP_ID, City
from tests.support.faults import static_bytes
from tests.support.vectors import FOLDER, load
from verifier.barcode.render import symbol
from verifier.codes import city
from verifier.contract.bundle import (
    KeyEntry,
    ProfilesDocument,
    RootDocument,
    Roster,
    RostersDocument,
    TrustDocument,
)
from verifier.contract.envelope import SignedUse, to_be_signed
from verifier.contract.grant import Grant
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.status import DeltaDocument, StatusDocument
from verifier.contract.vocabulary import Kind, Step
from verifier.encoding import base45
from verifier.errors import BundleCause
from verifier.groups.roster import pack_members
from verifier.issuing.issuer import Subject

DOCS = Path(__file__).resolve().parents[1] / "docs"
CC1 = (DOCS / "cc1.md").read_text(encoding="utf-8")
BUNDLES = (DOCS / "bundles.md").read_text(encoding="utf-8")
PAGES = tuple(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md")))
EXAMPLE = load(FOLDER / "accept" / "code-a-phone-s-code.json")

PERSON = Subject(kind=Kind.PERSONAL, list=1, person=18_699_999, credential=(1 << 32) - 1)
CITY_CODE = Subject(
    kind=Kind.PERSONAL, list=1, person=18_699_999, credential=(1 << 32) - 1,
    sectors={1: 0, 2: 1, 3: 2, 4: 3},
)  # fmt: skip
ROSTER_GROUP = Subject(
    kind=Kind.GROUP, list=1, credential=(1 << 32) - 1, group=GROUP_ID, roster_version=12,
    members=500,
)  # fmt: skip
CARRIED = pack_members(range(4_000_000, 4_000_000 + 64 * 200_000, 200_000))
CARRIED_GROUP = Subject(
    kind=Kind.GROUP, list=1, credential=(1 << 32) - 1, group=GROUP_ID, roster_version=12,
    members=64, packed_members=CARRIED,
)  # fmt: skip
SIZES = {
    "static, no sectors": City(subject=PERSON, phone=None),
    "static, four sectors": City(subject=CITY_CODE, phone=None),
    "static group of 500, roster by bundle": City(subject=ROSTER_GROUP, phone=None),
    "presentation, no sectors": City(subject=PERSON),
    "presentation, four sectors": City(subject=CITY_CODE),
    "presentation, four sectors, audience `place:hall-1`": City(
        subject=CITY_CODE, audience="place:hall-1"
    ),
    "presentation of a group, 64 members spread over the city": City(subject=CARRIED_GROUP),
}


def fenced(kind: str) -> list[str]:
    """Return the fenced blocks of a kind in cc1.md, without what follows a # in a line."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", CC1, re.MULTILINE | re.DOTALL)
    return [re.sub(r"#.*", "", block) for block in blocks]


def test_the_worked_example_is_the_vector() -> None:
    """Text, bytes line by line, and what issuer and phone signed."""
    (text,) = fenced("text")
    assert text.rstrip("\n") == EXAMPLE["text"]
    (listed,) = fenced("hex")
    assert bytes.fromhex(listed) == base45.decode(EXAMPLE["text"][4:])
    code = city.decode(EXAMPLE["text"])
    assert code.proof is not None
    signed = [bytes.fromhex(block) for block in fenced("signed")]
    assert signed == [
        to_be_signed(SignedUse.CREDENTIAL, code.protected, code.payload),
        to_be_signed(SignedUse.PROOF, code.proof.protected, code.proof.payload),
    ]


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_measured(name: str) -> None:
    """Bytes, characters and the version of the symbol, as the table says."""
    shown = SIZES[name]
    code = static_bytes(shown) if shown.phone is None else shown.presentation()
    text = shown.text()
    assert f"| {name} | {len(code)} | {len(text)} | {symbol(text).version} |" in CC1


def test_every_reason_that_a_cc1_code_can_meet_stands_in_its_table() -> None:
    """And no Reason that there is not."""
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", CC1))
    known = {reason.value for reason in Reason}
    assert {
        name for name in named if name.split(".")[0] in {r.split(".")[0] for r in known}
    } <= known
    elsewhere = {
        Reason.PICTURE_NONE,
        Reason.PICTURE_SEVERAL,
        Reason.PICTURE_PART,
        Reason.RULE_FAILED,
        Reason.RULE_UNKNOWN,
    }
    of_the_steps = {r for r, row in REASONS.items() if row.step is not Step.USE} - elsewhere
    assert {reason.value for reason in of_the_steps} <= named


def test_every_use_of_a_signature_is_named() -> None:
    """The external_aad of everything that is signed."""
    for use in SignedUse:
        assert any(f"`{use}`" in page for page in PAGES), use


def test_every_cause_of_a_refusal_is_named() -> None:
    """The table of bundles.md is the vocabulary."""
    named = re.findall(r"^\| `([a-z_]+)` \| ", BUNDLES, re.MULTILINE)
    assert set(named) == {cause.value for cause in BundleCause}


@pytest.mark.parametrize(
    "kind",
    [
        RootDocument,
        TrustDocument,
        KeyEntry,
        ProfilesDocument,
        RostersDocument,
        Roster,
        StatusDocument,
        DeltaDocument,
        Grant,
    ],
)
def test_every_member_of_a_document_is_described(kind: type) -> None:
    """Its name stands in the CDDL."""
    fields: tuple[str, ...] = kind.__struct_encode_fields__  # type: ignore[attr-defined]
    (cddl,) = re.findall(r"```cddl\n(.*?)```", BUNDLES, re.DOTALL)
    assert not [name for name in fields if not re.search(rf"\b{name}:", cddl)]


def test_links_lead_somewhere() -> None:
    """Of both pages."""
    for page in (CC1, BUNDLES):
        for target in re.findall(r"\]\(([^)#]+)\)", page):
            assert (DOCS / target).is_file(), target

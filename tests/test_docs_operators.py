"""operators.md and audit.md say what the product does: roles, tokens, entries, words, problems."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from verifier.contract.audit import MAX_LINE_BYTES, START, Act, AuditAction, AuditEntry, AuditFlaw
from verifier.contract.audit import line_of as entry_of
from verifier.contract.envelope import SignedUse
from verifier.contract.operator import (
    MAX_TOKEN_CHARS,
    MAX_TOKEN_S,
    ROLE_SCOPES,
    TOKEN_PREFIX,
    OperatorRole,
    OperatorToken,
)
from verifier.contract.proposal import (
    COLOUR_REASONS,
    ERASURE_REASONS,
    MAX_PROPOSALS,
    MAX_TEXT_CHARS,
    Proposal,
    ProposalState,
    RejectReason,
)
from verifier.contract.revocation import RevocationReason
from verifier.contract.vocabulary import ONLY_OPERATORS
from verifier.errors import TokenCause
from verifier.issuing import acts

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
OPERATORS: Final = (DOCS / "operators.md").read_text(encoding="utf-8")
AUDIT: Final = (DOCS / "audit.md").read_text(encoding="utf-8")
ISSUING: Final = ROOT / "verifier/service/issuing"


def rows(page: str, first: str) -> list[list[str]]:
    """Return the cells of the table whose head begins with a cell."""
    _, _, rest = page.partition(f"\n| {first} |")
    table = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_table_of_roles_is_the_code_s() -> None:
    """Every scope of every role, and no other."""
    found: dict[OperatorRole, set[str]] = {role: set() for role in OperatorRole}
    for _, scopes, *may in rows(OPERATORS, "may"):
        for role, cell in zip(OperatorRole, may, strict=True):
            assert cell in ("", "yes")
            found[role] |= set(re.findall(r"`([a-z.]+)`", scopes)) if cell else set()
    assert found == {role: {*scopes} for role, scopes in ROLE_SCOPES.items()}
    (never,) = re.findall(r"No API key of a service can have (.*?): settings", OPERATORS)
    assert set(re.findall(r"`([a-z.]+)`", never)) == {*ONLY_OPERATORS}


def test_the_table_of_acts_is_the_code_s() -> None:
    """Line by line as the module prints it."""
    assert "\n".join(acts.rows()) in OPERATORS
    assert acts.ERASURE_WAIT_S == 24 * 3600
    assert "waits 24 hours" in OPERATORS
    assert "24 hours after the approval" in (DOCS / "privacy.md").read_text(encoding="utf-8")


def test_a_token_is_as_described() -> None:
    """Its members, bounds, prefix and use; every cause of a refusal."""
    (cddl,) = re.findall(r"```cddl\n(.*?)```", OPERATORS, re.DOTALL)
    fields: tuple[str, ...] = OperatorToken.__struct_fields__
    assert re.findall(r"\b([a-z]+): ", re.sub(";.*", "", cddl)) == list(fields)
    assert f"<= {MAX_TOKEN_S}" in cddl
    assert f"{MAX_TOKEN_CHARS}\ncharacters" in OPERATORS
    assert f"`{TOKEN_PREFIX}`" in OPERATORS
    assert f"`{SignedUse.OPERATOR}`" in OPERATORS
    assert all(f"`token.{cause}`" in OPERATORS for cause in TokenCause)


def test_a_proposal_is_as_described() -> None:
    """Its members, states, reasons and bounds."""
    (shown,) = re.findall(r"```json\n({\"id\".*?)```", OPERATORS, re.DOTALL)
    assert list(json.loads(shown)) == list(Proposal.__struct_fields__)
    for words in (ProposalState, COLOUR_REASONS, ERASURE_REASONS, RejectReason, RevocationReason):
        assert not [word for word in words if str(word) not in OPERATORS]
    assert f"3 to {MAX_TEXT_CHARS} characters" in OPERATORS
    assert f"{MAX_PROPOSALS:,} are kept" in OPERATORS


@pytest.mark.parametrize("file", ["proposals/proposals.py", "proposals/kinds.py", "checks.py"])
def test_every_problem_is_described(file: str) -> None:
    """That the doors of proposals raise, here or where it is explained."""
    source = (ISSUING / file).read_text(encoding="utf-8")
    source += (ROOT / "verifier/issuing/proposals.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'"((?:proposal|proposals|person|reference|store)\.[a-z]+)"', source))
    codes.discard("proposals.waiting")  # an event of the log
    assert codes
    assert not [code for code in codes if f"`{code}`" not in OPERATORS]


def test_an_audit_entry_is_as_described() -> None:
    """Its members in order, every action, every flaw, the bound of a line."""
    named = [name for row in rows(AUDIT, "member") for name in re.findall(r"`([a-z]+)`", row[0])]
    line, _ = entry_of(Act(action=AuditAction.TOKEN), process="fleet", at=0, head=START)
    assert named == list(json.loads(line)) == list(AuditEntry.__struct_fields__)
    first = [row[0] for row in rows(AUDIT, "action")]
    actions = {word for cell in first for word in re.findall(r"`([a-z_.]+)`", cell)}
    assert actions == {str(action) for action in AuditAction}
    assert {row[0].strip("`") for row in rows(AUDIT, "flaw")} == {str(flaw) for flaw in AuditFlaw}
    assert f"at most {MAX_LINE_BYTES:,} bytes" in AUDIT


def test_links_lead_somewhere() -> None:
    """Of both pages."""
    for page in (OPERATORS, AUDIT):
        for target in re.findall(r"\]\(([^)#]+)\)", page):
            assert (DOCS / target).is_file(), target

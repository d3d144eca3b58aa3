"""The grammar of docs/bundles.md against the contract: the same members, the same may be absent."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from verifier.contract import bundle, grant
from verifier.contract.status import DeltaDocument

PAGE: Final = (Path(__file__).parents[1] / "docs" / "bundles.md").read_text(encoding="utf-8")
OPENING: Final = {"type", "version", "iat", "exp"}
DOCUMENTS: Final[dict[str, type[msgspec.Struct]]] = {
    "root": bundle.RootDocument,
    "key": bundle.RootKey,
    "trust": bundle.TrustDocument,
    "key-entry": bundle.KeyEntry,
    "profiles": bundle.ProfilesDocument,
    "product": bundle.Product,
    "cards": bundle.CardsDocument,
    "appointments": bundle.AppointmentsDocument,
    "rosters": bundle.RostersDocument,
    "roster": bundle.Roster,
    "delta": DeltaDocument,
    "grant": grant.Grant,
}


def members(document: str) -> dict[str, bool]:
    """Return the members that the page gives a document, and whether each may be absent."""
    grammar = re.sub(r";[^\n]*", "", PAGE.split(f"\n{document} = ", 1)[1])
    depth, top = 0, ""
    for letter in grammar:
        depth -= letter in "}])"
        top += letter if depth == 1 else " "
        depth += letter in "{[("
        if depth == 0 and letter == "}":
            break
    found = {name: bool(may) for may, name in re.findall(r"(\? )?\b([a-z_]+):", top)}
    return found | (dict.fromkeys(OPENING, False) if "opening" in top else {})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_may_be_absent(document: str) -> None:
    """A member with a default may be absent, every other must be there."""
    fields: Any = msgspec.structs.fields(DOCUMENTS[document])
    wanted = {field.encode_name: not field.required for field in fields}
    assert members(document) == wanted

"""What bundles are made from: profile files, the folder of rules, lists of revoked cards.

    <profiles>/<place>.toml      one for each place
    <rules>/                     rules, value sets and products (`rule_files.py`)
    <cards>/<kid>.json           what an issuer of health cards has revoked, as it publishes it

Everything is checked together as a gate would take it; an error names file and field.
"""

from pathlib import Path
from typing import Any

import msgspec

from verifier.contract.bundle import CardsDocument, ProfilesDocument
from verifier.contract.errors import MalformedError
from verifier.errors import ProfileError
from verifier.policy.profiles import open_profiles, read_profile
from verifier.policy.rules import RuleError
from verifier.service.issuing.bundles.rule_files import RuleFiles, read_rule_files
from verifier.status.rids import CardList, open_cards, read_card_list_file
from verifier.trust.kinds import CARDS, PROFILES


def read_sources(
    profiles: Path, rules: Path | RuleFiles, *, issued_at: int, expires: int
) -> ProfilesDocument:
    """Read all sources into a document of version 1; the caller gives it its own.

    `rules` may be what was read of the folder already. Files of it that are wrong are left out.

    Raises:
        ProfileError: with the file and the field that is wrong.
    """
    files = {path.name: _profile(path) for path in sorted(profiles.glob("*.toml"))}
    asked = rules if isinstance(rules, RuleFiles) else read_rule_files(rules)
    document = ProfilesDocument(
        type=PROFILES.word,
        version=1,
        iat=issued_at,
        exp=expires,
        profiles=tuple(files.values()),
        rules=asked.all_rules(),
        value_sets=asked.all_value_sets(),
        products=asked.catalogue(),
    )
    try:
        open_profiles(document)
    except RuleError as error:
        raise ProfileError(f"rules: {error.field}", str(error)) from error
    except ProfileError as error:
        named = [name for name, values in files.items() if values["place"] in error.places]
        raise ProfileError(f"{', '.join(named)}: {error.field}", str(error)) from error
    return document


def read_cards(folder: Path, *, issued_at: int, expires: int) -> CardsDocument:
    """Read all lists of revoked cards into a document of version 1.

    Raises:
        ProfileError: with the file that is wrong.
    """
    listed = [_card_list(path) for path in sorted(folder.glob("*.json"))]
    document = CardsDocument(
        type=CARDS.word,
        version=1,
        iat=issued_at,
        exp=expires,
        lists={one.kid: one.entries for one in listed},
    )
    try:
        open_cards(document)
    except MalformedError as error:
        raise ProfileError("cards", str(error)) from error
    return document


def _card_list(path: Path) -> CardList:
    try:
        found = read_card_list_file(path.read_bytes())
    except MalformedError as error:
        raise ProfileError(f"cards/{path.name}", str(error)) from error
    if path.name != f"{found.kid}.json":
        raise ProfileError(f"cards/{path.name}", "its name is not its kid")
    return found


def _profile(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.to_builtins(read_profile(path.read_bytes()))
    except ProfileError as error:
        raise ProfileError(f"{path.name}: {error.field}", str(error)) from error
    return found

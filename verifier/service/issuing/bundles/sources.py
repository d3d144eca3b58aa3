"""What bundles are made from: profile files, rule files, value sets; lists of revoked cards.

    <profiles>/<place>.toml      one for each place
    <rules>/*.json               rules as their publisher wrote them; they go out unchanged
    <rules>/valuesets/*.json     {name: [code, ...]}, what rules read as external.valueSets
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
from verifier.policy.rules import RuleError, read_rule
from verifier.status.rids import CardList, open_cards, read_card_list_file
from verifier.trust.kinds import CARDS, PROFILES


def read_sources(profiles: Path, rules: Path, *, issued_at: int, expires: int) -> ProfilesDocument:
    """Read all sources into a document of version 1; the caller gives it its own.

    Raises:
        ProfileError: with the file and the field that is wrong.
    """
    files = {path.name: _profile(path) for path in sorted(profiles.glob("*.toml"))}
    document = ProfilesDocument(
        type=PROFILES.word,
        version=1,
        iat=issued_at,
        exp=expires,
        profiles=tuple(files.values()),
        rules=tuple(_rule(path) for path in sorted(rules.glob("*.json"))),
        value_sets=_value_sets(rules / "valuesets"),
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


def _rule(path: Path) -> str:
    data = path.read_bytes()
    try:
        read_rule(data)
        return data.decode()
    except (RuleError, UnicodeDecodeError) as error:
        raise ProfileError(f"rules/{path.name}", str(error)) from error


def _value_sets(folder: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found |= msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[str, ...]])
        except (msgspec.DecodeError, MalformedError) as error:
            raise ProfileError(f"rules/valuesets/{path.name}", str(error)) from error
    return found

"""Places that take foreign documents, and the rules that they ask."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

RULES: Final[Mapping[str, Any]] = {"country": "XX"}
"""What such a place asks: the rules of a country that is none."""


def rule(number: int, logic: Any, **changes: Any) -> str:
    """Return a rule file of country XX, for HC1."""
    fields = {
        "Identifier": f"GR-XX-{number:04}",
        "Type": "Acceptance",
        "Country": "XX",
        "Version": "1.0.0",
        "SchemaVersion": "1.0.0",
        "Engine": "CERTLOGIC",
        "EngineVersion": "1.0.0",
        "CertificateType": "General",
        "Description": [{"lang": "en", "desc": "All of it."}, {"lang": "zh", "desc": "全部。"}],
        "ValidFrom": "2021-01-01T00:00:00Z",
        "ValidTo": "2099-01-01T00:00:00Z",
        "AffectedFields": ["v"],
        "Logic": logic,
    }
    return json.dumps(fields | changes)


ANYTHING: Final = (
    rule(1, {"===": [1, 1]}),
    rule(2, {"===": [1, 1]}, Format="SHC"),
)
"""Rules that every document passes which rules can read."""


def rules_for(profiles: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the rules that go out beside profiles: none where none asks any."""
    return ANYTHING if any(profile.get("rules") for profile in profiles) else ()


def taking(profile: Mapping[str, Any], *formats: str, static: bool = True) -> dict[str, Any]:
    """Return a profile that takes these formats too, or alone where CC1 is not among them."""
    own = [one for one in formats if one != "CC1" or static]
    changed = dict(profile) | {"formats": list(formats), "static": own, "rules": dict(RULES)}
    for field in ("colours", "review_colours"):
        colours = profile.get(field)
        changed[field] = {"CC1": colours} if colours and "CC1" in formats else []
    changed["sector"] = None
    return changed

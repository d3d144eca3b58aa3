"""Health cards of people, doses and tests, as their issuers write them in FHIR."""

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.support.health import card, card_text

PATIENT: Final[Mapping[str, Any]] = {
    "resourceType": "Patient",
    "name": [{"family": "Dang", "given": ["Zoe"]}],
    "birthDate": "1990-01-31",
}
TEST: Final[Mapping[str, Any]] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "94558-4"}]},
    "subject": {"reference": "resource:0"},
    "effectiveDateTime": "2023-11-13T08:00:00Z",
    "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "260373001"}]},
    "performer": [{"display": "A clinic"}],
}


def bundle(*resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload of a card with these resources."""
    entry = [{"fullUrl": f"resource:{n}", "resource": one} for n, one in enumerate(resources)]
    fhir = {"resourceType": "Bundle", "type": "collection", "entry": entry}
    made: dict[str, Any] = json.loads(
        card(credentialSubject={"fhirVersion": "4.0.1", "fhirBundle": fhir})
    )
    return made


def card_of(*resources: Mapping[str, Any]) -> str:
    """Return the text of a card with these resources."""
    return card_text(card({"vc": bundle(*resources)["vc"]}))


def without(resource: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a resource that lacks a member."""
    return {key: value for key, value in resource.items() if key != name}


def coding(system: str, *codes: str) -> dict[str, Any]:
    """Return a concept with several codes of a system."""
    return {"coding": [{"system": system, "code": code} for code in codes]}

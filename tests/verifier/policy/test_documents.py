"""What rules read of a health card: mapped whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.health import DOSE, dcc
from tests.support.health_cards import PATIENT, TEST, bundle, coding, without
from verifier.contract.vocabulary import Format
from verifier.policy.documents import MAX_RESOURCES, payload_of
from verifier.policy.rules import DocumentKind, RuleVerdict, judge, read_rule

MAPPED_TEST: Final = {
    "loinc": "94558-4",
    "result": "260373001",
    "text": None,
    "date": "2023-11-13T08:00:00Z",
}


def read(*resources: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what rules read of a card with these resources."""
    return payload_of(Format.SHC, bundle(*resources))


def test_a_card_of_doses() -> None:
    """The newest dose first; nothing of the person but the birth date."""
    early, late = dict(DOSE) | {"occurrenceDateTime": "2021-03-01"}, DOSE
    assert read(PATIENT, early, late) == {
        "dob": "1990-01-31",
        "v": [{"cvx": "207", "date": "2023-09-01"}, {"cvx": "207", "date": "2021-03-01"}],
        "t": [],
    }


def test_a_card_of_tests() -> None:
    """The code, the result by its code or in words, and when: of a period the start."""
    words = {name: value for name, value in TEST.items() if name != "valueCodeableConcept"}
    period = {name: value for name, value in TEST.items() if name != "effectiveDateTime"}
    for resource, more in (
        (TEST, {}),
        (words | {"valueString": "Not detected"}, {"result": None, "text": "Not detected"}),
        (
            period | {"effectivePeriod": {"start": "2023-11-09", "end": "2023-11-10"}},
            {"date": "2023-11-09"},
        ),
    ):
        found = read(PATIENT, resource)
        assert found is not None
        assert found["t"] == [MAPPED_TEST | more]


UNMAPPED: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "nobody": (DOSE,),
    "two people": (PATIENT, PATIENT, DOSE),
    "another resource": (PATIENT, DOSE, {"resourceType": "Condition"}),
    "a dose that was not given": (PATIENT, dict(DOSE) | {"status": "not-done"}),
    "a dose entered in error": (PATIENT, dict(DOSE) | {"status": "entered-in-error"}),
    "half a dose": (PATIENT, dict(DOSE) | {"isSubpotent": True}),
    "a dose of an unknown product": (PATIENT, dict(DOSE) | {"vaccineCode": coding("urn:x", "1")}),
    "a dose of two products": (
        PATIENT,
        dict(DOSE) | {"vaccineCode": coding("http://hl7.org/fhir/sid/cvx", "207", "208")},
    ),
    "a dose without a day": (PATIENT, dict(DOSE) | {"occurrenceDateTime": "2023-09"}),
    "a dose without a date": (PATIENT, without(DOSE, "occurrenceDateTime")),
    "a dose that means something else": (PATIENT, dict(DOSE) | {"modifierExtension": []}),
    "a test that is not final": (PATIENT, dict(TEST) | {"status": "preliminary"}),
    "a test without a result": (PATIENT, without(TEST, "valueCodeableConcept")),
    "a test with two results": (PATIENT, dict(TEST) | {"valueString": "Negative"}),
    "a test with a quantity": (
        PATIENT,
        without(TEST, "valueCodeableConcept") | {"valueQuantity": {"value": 3}},
    ),
    "a test of several parts": (PATIENT, dict(TEST) | {"component": []}),
    "a test without a time": (PATIENT, without(TEST, "effectiveDateTime")),
    "a test with a period without start": (
        PATIENT,
        without(TEST, "effectiveDateTime") | {"effectivePeriod": {"end": "2023-11-10"}},
    ),
    "a test of no known code": (PATIENT, dict(TEST) | {"code": {"text": "PCR"}}),
    "too much": (PATIENT, *[DOSE] * MAX_RESOURCES),
}


@pytest.mark.parametrize("name", UNMAPPED)
def test_what_could_mean_something_else_is_not_mapped(name: str) -> None:
    """The card as a whole: a part that is left out could be what speaks against the rest."""
    assert read(*UNMAPPED[name]) is None
    assert read(PATIENT, DOSE) is not None


BROKEN: Final[Mapping[str, Any]] = {
    "nothing": None,
    "a list": [],
    "a list as credential": {"vc": []},
    "no bundle": {"vc": {"credentialSubject": {}}},
    "a map of entries": {"vc": {"credentialSubject": {"fhirBundle": {"entry": {}}}}},
    "a number as entry": {"vc": {"credentialSubject": {"fhirBundle": {"entry": [7]}}}},
    "an entry without resource": {"vc": {"credentialSubject": {"fhirBundle": {"entry": [{}]}}}},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_card_is_not_mapped(name: str) -> None:
    """And raises nothing."""
    assert payload_of(Format.SHC, BROKEN[name]) is None


def test_other_formats() -> None:
    """A certificate is read as it was signed; a code of the city has no document."""
    assert payload_of(Format.HC1, {"hcert": dcc()}) == dcc()
    assert payload_of(Format.HC1, {"hcert": 7}) is None
    assert payload_of(Format.CC1, bundle(PATIENT, DOSE)) is None


def test_the_rule_in_the_document() -> None:
    """docs/rules.md shows one that can be copied; it judges cards, and no certificate."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text()
    rule = read_rule(page.split("```json\n")[1].split("```")[0].encode())
    assert (rule.format, rule.kind) == (Format.SHC, DocumentKind.TEST)
    detected = coding("http://snomed.info/sct", "260373001")
    negative = coding("http://snomed.info/sct", "260415000")
    for concept, at, verdict in (
        (negative, "2023-11-14T08:00:00Z", RuleVerdict.PASSED),
        (negative, "2023-11-17T08:00:01Z", RuleVerdict.FAILED),
        (negative, "2023-11-13T07:59:59Z", RuleVerdict.FAILED),
        (detected, "2023-11-14T08:00:00Z", RuleVerdict.FAILED),
    ):
        payload = read(PATIENT, dict(TEST) | {"valueCodeableConcept": concept})
        clock = {"validationClock": at}
        assert judge(rule, payload, clock).verdict is verdict

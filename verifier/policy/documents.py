"""What rules read of a foreign document: one payload for each form.

Certificates of the EU and WHO: as they were signed, what the EU's rules are written for. ICVP: its
dose in a form of our own (docs/rules.md), since it has had three and names no disease. SHC: doses
and test results of a health card, also in a form of our own, since CertLogic cannot search a FHIR
bundle. A card is mapped whole or not at all: where anything in it could mean more than the form
says, there is no payload, and the rules' answer is UNKNOWN.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from verifier.codes.claims import Claims
from verifier.contract.vocabulary import DocumentForm, Format
from verifier.policy.products import Products, diseases_of

MAX_RESOURCES: Final = 100
"""Resources of a card: a person, and every dose and test that any card was seen to hold."""
CVX: Final = "http://hl7.org/fhir/sid/cvx"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"

_MAX_TEXT: Final = 200
"""Characters of a code or of a result in words."""
_DATE: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?", re.ASCII
)
_CHANGES_MEANING: Final = ("modifierExtension", "implicitRules", "contained")
"""Members of a FHIR resource by which it may mean something else than its other members say."""


_ICVP: Final = DocumentForm.ICVP


class _UnmappedError(Exception):
    """A card that says more, or less, than the form can hold."""


def rule_payload(claims: Claims, products: Products | None) -> dict[str, Any] | None:
    """Return what rules read of verified claims, or None where nothing can be read."""
    if claims.form is _ICVP:
        return _icvp(claims, products)
    return payload_of(claims.format, claims.document)


def _icvp(claims: Claims, products: Products | None) -> dict[str, Any] | None:
    """Map an ICVP: {"dob", "v": [{"diseases", "product", "date"}]}."""
    dose = claims.dose
    diseases = None if dose is None else diseases_of(dose, products)
    if dose is None or diseases is None:
        return None
    born = claims.document["hcert"].get("dob")
    return {
        "dob": born if isinstance(born, str) else None,
        "v": [
            {
                "diseases": list(diseases),
                "product": dose.product,
                "date": dose.day.isoformat(),
            }
        ],
    }


def payload_of(code_format: Format, document: Any) -> dict[str, Any] | None:
    """Return what rules read of a verified document, or None where nothing can be read."""
    if not isinstance(document, dict):
        return None
    if code_format is Format.HC1:
        certificate = document.get("hcert")
        return certificate if isinstance(certificate, dict) else None
    if code_format is Format.SHC:
        try:
            return _card(document)
        except _UnmappedError:
            return None
    return None


def _card(document: Mapping[str, Any]) -> dict[str, Any]:
    """Map a card: {"dob", "v": [doses, newest first], "t": [tests, newest first]}."""
    bundle = _map(_map(_map(document.get("vc")).get("credentialSubject")).get("fhirBundle"))
    entries = _list(bundle.get("entry"))
    if len(entries) > MAX_RESOURCES:
        raise _UnmappedError
    found: dict[str, list[dict[str, Any]]] = {"Patient": [], "Immunization": [], "Observation": []}
    for entry in entries:
        resource = _map(_map(entry).get("resource"))
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or kind not in _READERS:
            raise _UnmappedError
        if any(name in resource for name in _CHANGES_MEANING):
            raise _UnmappedError
        found[kind].append(_READERS[kind](resource))
    if len(found["Patient"]) != 1:
        raise _UnmappedError  # whose doses would they be?
    return found["Patient"][0] | {
        "v": sorted(found["Immunization"], key=_when, reverse=True),
        "t": sorted(found["Observation"], key=_when, reverse=True),
    }


def _when(one: Mapping[str, Any]) -> str:
    return str(one["date"])


def _patient(resource: Mapping[str, Any]) -> dict[str, Any]:
    born = resource.get("birthDate")
    return {"dob": born if isinstance(born, str) else None}


def _dose(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Map a dose that was given in full: {"cvx", "date"}."""
    if resource.get("status") != "completed" or resource.get("isSubpotent", False) is not False:
        raise _UnmappedError
    return {
        "cvx": _code(resource.get("vaccineCode"), CVX),
        "date": _date(resource.get("occurrenceDateTime")),
    }


def _test(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Map a test whose result is final: {"loinc", "result", "text", "date"}."""
    if resource.get("status") != "final" or "dataAbsentReason" in resource:
        raise _UnmappedError
    if "component" in resource or "hasMember" in resource:
        raise _UnmappedError  # more results than one
    values = [name for name in resource if name.startswith("value")]
    result = text = None
    if values == ["valueCodeableConcept"]:
        result = _code(resource["valueCodeableConcept"], SNOMED)
    elif values == ["valueString"]:
        text = _text(resource["valueString"])
    else:
        raise _UnmappedError
    return {
        "loinc": _code(resource.get("code"), LOINC),
        "result": result,
        "text": text,
        "date": _taken(resource),
    }


def _taken(resource: Mapping[str, Any]) -> str:
    """Return when a test was taken: of a period its start, so that none looks newer than it is."""
    times = [name for name in resource if name.startswith("effective")]
    if times == ["effectiveDateTime"]:
        return _date(resource["effectiveDateTime"])
    if times == ["effectivePeriod"]:
        return _date(_map(resource["effectivePeriod"]).get("start"))
    raise _UnmappedError


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "Patient": _patient,
    "Immunization": _dose,
    "Observation": _test,
}
"""The resources that a card may have; one with any other is not mapped."""


def _code(concept: Any, system: str) -> str:
    """Return the one code that a concept has in a system."""
    codings = [_map(coding) for coding in _list(_map(concept).get("coding"))]
    codes = {_text(coding.get("code")) for coding in codings if coding.get("system") == system}
    if len(codes) != 1:
        raise _UnmappedError
    return codes.pop()


def _date(value: Any) -> str:
    """Return a whole date, or one with its time; a month or year alone says too little."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise _UnmappedError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise _UnmappedError
    return value


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _UnmappedError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _UnmappedError
    return value

"""One person, one spelling, whichever document says it."""

from typing import Any

import pytest

from verifier.codes.names import standard, subject_of
from verifier.contract.vocabulary import Format


def hc1(fnt: Any = "DANG", gnt: Any = "ZOE", dob: Any = "1990-01-31") -> dict[str, Any]:
    """Return the document of an EU certificate."""
    return {"hcert": {"nam": {"fnt": fnt, "gnt": gnt}, "dob": dob}}


def shc(family: str, given: list[str], born: str) -> dict[str, Any]:
    """Return the payload of a health card."""
    patient = {"resourceType": "Patient", "name": [{"family": family, "given": given}],
               "birthDate": born}  # fmt: skip
    entries = [{"resource": {"resourceType": "Immunization"}}, {"resource": patient}]
    return {"vc": {"credentialSubject": {"fhirBundle": {"entry": entries}}}}


def test_one_person_in_two_formats_is_one() -> None:
    """The standardised form of the certificate is what the card's name becomes."""
    assert subject_of(Format.HC1, hc1()) == "DANG/ZOE/1990-01-31"
    assert subject_of(Format.SHC, shc("Đặng", ["Zoë"], "1990-01-31")) == "DANG/ZOE/1990-01-31"


def test_two_names_in_either_order_are_one_person() -> None:
    """Countries do not agree which of them is the family's; a space around the date is none."""
    swapped = hc1("ZOE", "DANG", " 1990-01-31 ")
    assert subject_of(Format.HC1, swapped) == subject_of(Format.HC1, hc1())
    assert subject_of(Format.HC1, hc1("DANG", "")) == subject_of(Format.HC1, hc1("", "DANG"))
    assert subject_of(Format.HC1, hc1("DANG", "ZOE<LI")) != subject_of(Format.HC1, hc1())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("Müller-Lüdenscheidt", "MUELLER<LUEDENSCHEIDT"), ("O'Neil", "O<NEIL"),
     ("D’Arsøns", "D<ARSOENS"),
     ("  Jean  Pierre ", "JEAN<PIERRE"), ("李", ""), ("ÅNGSTRÖM", "AANGSTROEM")],
)  # fmt: skip
def test_names_are_brought_to_one_form(name: str, wanted: str) -> None:
    """Letters A to Z, parts apart, nothing else."""
    assert standard(name) == wanted


@pytest.mark.parametrize(
    "document",
    [None, {}, {"hcert": {}}, {"hcert": {"nam": {}}}, {"hcert": {"nam": {"fnt": 7}}},
     {"hcert": {"nam": {"fnt": "A"}, "dob": 7}}, {"vc": {"credentialSubject": []}}],
)  # fmt: skip
def test_a_document_without_a_name_is_nobodys(document: Any) -> None:
    """And raises nothing."""
    assert subject_of(Format.HC1, document) is None
    assert subject_of(Format.SHC, document) is None
    assert subject_of(Format.CC1, document) is None

"""One person, one spelling, whichever document says it."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from verifier.codes.names import standard, subject_of
from verifier.contract.vocabulary import Format


def hc1(fnt: Any = "DANG", gnt: Any = "ZOE", dob: Any = "1990-01-31") -> dict[str, Any]:
    """Return the document of an EU certificate."""
    return {"hcert": {"nam": {"fnt": fnt, "gnt": gnt}, "dob": dob}}


def shc(family: str, given: list[str], born: str = "1990-01-31", **more: Any) -> dict[str, Any]:
    """Return the payload of a health card."""
    name = {"family": family, "given": given} | more
    patient = {"resourceType": "Patient", "name": [name], "birthDate": born}
    entries = [{"resource": {"resourceType": "Immunization"}}, {"resource": patient}]
    return {"vc": {"credentialSubject": {"fhirBundle": {"entry": entries}}}}


def who(document: dict[str, Any]) -> str | None:
    """Return whom a document is about."""
    return subject_of(Format.HC1 if "hcert" in document else Format.SHC, document)


ONE_PERSON: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "a certificate and a card": (hc1(), shc("Đặng", ["Zoë"])),
    "names in either order": (hc1(), hc1("ZOE", "DANG")),
    "one name in either field": (hc1("DANG", ""), hc1("", "DANG"), shc("", ["Dang"])),
    "an apostrophe": (
        hc1("ONEIL", "SEAN"),
        shc("O'Neil", ["Seán"]),
        shc("O’Neil", ["Sean"]),
        shc("OʼNeil", ["Sean"]),
        shc("O Neil", ["Sean"]),
        hc1("O<NEIL", "SEAN"),
    ),
    "a hyphen": (
        hc1("DUPONT", "JEAN<PIERRE"),
        shc("Dupont", ["Jean-Pierre"]),
        shc("Dupont", ["Jean", "Pierre"]),
        shc("DUPONT", ["JeanPierre"]),
        shc("Dupont", ["Jean\u2010Pierre"]),
    ),
    "a compound in other fields": (
        shc("García López", ["María"]),
        shc("López", ["María", "García"]),
        shc("García-López", ["Maria"]),
        hc1("GARCIA<LOPEZ", "MARIA"),
    ),
    "umlauts": (
        hc1("MUELLER", "JOERG"),
        shc("Müller", ["Jörg"]),
        shc("Muller", ["Jorg"]),
        shc("Mu\u0308ller", ["Jo\u0308rg"]),
    ),
    "letters that meet at a join": (hc1("MARIA", "EVA"), hc1("EVA", "MARIA"), shc("MariaEva", [])),
    "fullwidth letters": (hc1("LI", "XIAOMING"), shc("ＬＩ", ["Ｘｉａｏｍｉｎｇ"])),
    "Cyrillic letters in a Latin name": (hc1("COHEN", "PETER"), shc("СОНEN", ["РETER"])),
    "Greek letters in a Latin name": (hc1("KANTOR", "ANNA"), shc("ΚΑNTOR", ["ΑΝΝΑ"])),
    "a name in Cyrillic": (hc1("SHEVCHENKO", "OLENA"), shc("Шевченко", ["Олена"])),
    "a name in Greek": (hc1("PAPADAKIS", "NIKOS"), shc("Παπαδάκης", ["Νίκος"])),
    "a Chinese name": (
        shc("李", ["小明"]),
        shc("小明", ["李"]),
        shc("", [], text="李小明"),
        shc("李 ", ["小 明"]),
        shc("\uf9e1", ["小明"]),
    ),
    "a name with a middle dot": (shc("买买提", ["阿不都"]), shc("", [], text="买买提·阿不都")),
    "a birth date with a time": (hc1(), hc1(dob="1990-01-31T00:00:00"), hc1(dob=" 1990-01-31 ")),
    "a degree": (hc1("DR<DANG", "ZOE"), hc1(), shc("Dang", ["Dr.", "Zoe"])),
    "native letters where the standardised are missing": (
        {"hcert": {"nam": {"fn": "Đặng", "gn": "Zoë"}, "dob": "1990-01-31"}},
        hc1(),
    ),
}


@pytest.mark.parametrize("name", ONE_PERSON)
def test_one_person_is_one_whatever_the_register_writes(name: str) -> None:
    """A second document of another register is no second pass."""
    found = {who(document) for document in ONE_PERSON[name]}
    assert None not in found
    assert len(found) == 1, found


TWO_PEOPLE: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "two Chinese names": (shc("李", ["小明"]), shc("王", ["小明"]), shc("李", ["大明"])),
    "ideographs that Unicode has had since 2022": (
        shc("\U00031350", ["小明"]),
        shc("\U00031351", ["小明"]),
        shc("\U0002ebf0", ["小明"]),
        shc("", ["小明"]),
    ),
    "other letters of a script that drops none": (shc("नमन", []), shc("नमिन", [])),
    "Japanese names that differ in a mark": (shc("ハタ", []), shc("バタ", []), shc("バター", [])),
    "a name repeated": (shc("佐々木", []), shc("佐木", [])),
    "twins": (hc1("DANG", "ZOE"), hc1("DANG", "LI")),
    "twins with a name in common": (hc1("DANG", "ANNA<ZOE"), hc1("DANG", "ANNA<LI")),
    "twins whose names have the same letters": (hc1("DANG", "AMY"), hc1("DANG", "MAY")),
    "given names in another order": (hc1("DANG", "ANNA<EVE"), hc1("DANG", "EVE<ANNA")),
    "another birth date": (hc1(), hc1(dob="1990-02-01"), hc1(dob="1990")),
    "a Cyrillic name and the Latin one that it looks like": (
        shc("Сова", ["Рома"]),
        shc("Coba", ["Poma"]),
    ),
}


@pytest.mark.parametrize("name", TWO_PEOPLE)
def test_two_people_are_two(name: str) -> None:
    """Nobody is turned away for somebody else's pass."""
    documents = TWO_PEOPLE[name]
    assert len({who(document) for document in documents} - {None}) == len(documents)


@pytest.mark.parametrize(
    "document",
    [hc1(dob=""), hc1(dob="unknown"), hc1("", ""), hc1("7", "<"), shc("A" * 401, []),
     shc("李", ["小明"], "")],
)  # fmt: skip
def test_too_little_is_nobody(document: dict[str, Any]) -> None:
    """A name without a birth date is many people's, a date without a name too."""
    assert who(document) is None


def test_of_several_names_the_official_one_counts() -> None:
    """Whatever the order in which a register lists them."""
    names = [
        {"use": "nickname", "given": ["Zed"]},
        {"use": "official", "family": "Dang", "given": ["Zoe"]},
        {"use": "maiden", "family": "Li", "given": ["Zoe"]},
    ]
    for listed in (names, names[::-1]):
        document = shc("", [])
        entries = document["vc"]["credentialSubject"]["fhirBundle"]["entry"]
        entries[1]["resource"]["name"] = listed
        assert who(document) == who(hc1())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("Müller-Lüdenscheidt", "MUELLER<LUEDENSCHEIDT"), ("O'Neil", "O<NEIL"),
     ("D’Arsøns", "D<ARSOENS"),
     ("  Jean  Pierre ", "JEAN<PIERRE"), ("李", "李"), ("ÅNGSTRÖM", "AANGSTROEM")],
)  # fmt: skip
def test_names_are_brought_to_one_form(name: str, wanted: str) -> None:
    """Letters alone, parts apart."""
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


def test_a_card_whose_person_has_no_name_is_nobodys() -> None:
    """An empty list of names is a shape without a name, and nothing breaks."""
    card = shc("Dang", ["Zoe"])
    card["vc"]["credentialSubject"]["fhirBundle"]["entry"][1]["resource"]["name"] = []
    assert who(card) is None

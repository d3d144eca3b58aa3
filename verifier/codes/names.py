"""Who a foreign document is about, standardised: one spelling of one person, for double use only.

Family name, given names and birth date, upper case A-Z as machine-readable travel documents write
them (ICAO 9303 part 3): HC1 carries that form, SHC's names are brought to it. A doctor's
degree is no part of a name, and not every document says alike which of two names is the family's.
Whole names are compared: one given name in common would make twins who share it one person, and
turn the second away. Nothing is stored: it goes into a keyed hash (`verifier.steps.use`) and
nowhere else.
"""

import re
import unicodedata
from typing import Any, Final

from verifier.contract.vocabulary import Format

_OTHERS: Final = re.compile(r"[^A-Z]+")
_DEGREE: Final = "DR"
_SPECIAL: Final = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "SS", "Æ": "AE", "Ø": "OE",
                                 "Å": "AA", "Đ": "D", "Ł": "L", "Þ": "TH"})  # fmt: skip


def subject_of(code_format: Format, document: Any) -> str | None:
    """Return NAME/NAME/BIRTH of a verified document, or None where it names nobody."""
    try:
        if code_format is Format.HC1:
            return _hc1(document["hcert"])
        if code_format is Format.SHC:
            return _shc(document["vc"]["credentialSubject"]["fhirBundle"]["entry"])
    except (KeyError, TypeError, IndexError, AttributeError):
        return None  # a shape without a name
    return None


def _hc1(certificate: Any) -> str | None:
    name = certificate["nam"]
    return _subject(name.get("fnt", ""), name.get("gnt", ""), certificate.get("dob", ""))


def _shc(entries: Any) -> str | None:
    for entry in entries:
        resource = entry["resource"]
        if resource.get("resourceType") == "Patient":
            name = resource["name"][0]
            given = " ".join(name.get("given", ()))
            return _subject(name.get("family", ""), given, resource.get("birthDate", ""))
    return None


def _subject(family: str, given: str, birth: str) -> str | None:
    names = sorted((standard(family), standard(given)))
    return "/".join((*names, birth.strip())) if any(names) and isinstance(birth, str) else None


def standard(name: str) -> str:
    """Bring a name to upper case A-Z, `<` between its parts, without a doctor's degree."""
    upper = unicodedata.normalize("NFC", name).upper().translate(_SPECIAL)
    plain = unicodedata.normalize("NFKD", upper)
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    parts = _OTHERS.sub("<", letters).split("<")
    return "<".join(part for part in parts if part not in ("", _DEGREE))

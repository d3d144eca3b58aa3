"""Who a foreign document is about: one form of one person, for double use only.

Registers write one person in many ways: `O'Neil`, `ONEIL` and `O NEIL`; the family's name first or
last; a compound in one field or in two; fullwidth letters; a Cyrillic А in a Latin name. So what is
compared is the letters alone, in the order in which they are read, wherever the name begins, with
the birth date. Ideographs and other scripts are letters. A doctor's degree is none of a name.

Both errors are possible, and the rarer one was chosen. Two people of one birth date become one only
where their whole names differ in nothing but that (Manuel and Manul). One person becomes two where
a register leaves a name out, or writes it in another script than the document does: whole names are
compared, since a given name in common would make twins one person, and turn the second away.
Nothing is stored: it goes into a keyed hash (`verifier.steps.use`) and nowhere else.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from verifier.codes.scripts import LOOK_ALIKES, NATIONAL, TRANSLITERATED
from verifier.contract.vocabulary import Format

MAX_NAME_CHARS: Final = 400
"""Characters of a whole name; certificates have at most 160. A longer one is nobody's."""

_DEGREE: Final = "DR"
_BIRTH: Final = re.compile(r"([0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?)(?:T.*)?", re.DOTALL)
_LATIN: Final = re.compile(r"[A-Z]")
_DIGRAPHS: Final = frozenset({"AE", "OE", "UE", "AA"})
"""What ICAO 9303 writes for Ä, Ö, Ü and Å, where other registers write the plain letter."""
_VOWEL_SIGNS: Final = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]")
"""Marks that a register may leave out: of Latin, Greek and Cyrillic, Hebrew, Arabic letters. In
other scripts a mark is a vowel, and stays."""
_APOSTROPHES: Final = re.compile("[\u02b0-\u02ff\u0640]")
"""Marks beside letters that are letters by their class, such as `ʼ`; 々 and ー are of the name."""
_USES: Final = {"official": 0, "usual": 1, None: 2}
"""Which of several names of a card is taken: the smallest, then the first."""


def subject_of(code_format: Format, document: Any) -> str | None:
    """Return NAME/BIRTH of a verified document, or None where it says too little of anybody."""
    try:
        if code_format is Format.HC1:
            return _hc1(document["hcert"])
        if code_format is Format.SHC:
            return _shc(document["vc"]["credentialSubject"]["fhirBundle"]["entry"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None  # a shape without a name
    return None


def _hc1(certificate: Any) -> str | None:
    """Name the person of an EU certificate, of WHO's (`name`) or of an ICVP (`n`)."""
    if "nam" not in certificate:
        if "n" in certificate:
            return _subject((certificate["n"],), certificate.get("dob", ""))
        return _subject((certificate["name"],), certificate.get("birthDate", ""))
    name = certificate["nam"]
    family = name.get("fnt") or name.get("fn") or ""
    given = name.get("gnt") or name.get("gn") or ""
    return _subject((family, given), certificate.get("dob", ""))


def _shc(entries: Any) -> str | None:
    for entry in entries:
        resource = entry["resource"]
        if resource.get("resourceType") == "Patient":
            name = min(resource["name"], key=lambda one: _USES.get(one.get("use"), 3))
            given = name.get("given", ())
            parts = (name.get("family", ""), given if isinstance(given, str) else " ".join(given))
            written = parts if any(parts) else (name.get("text", ""),)
            return _subject(written, resource.get("birthDate", ""))
    return None


def _subject(names: Iterable[str], birth: str) -> str | None:
    """Name a person by the letters of all names and the birth date; either alone is nobody's."""
    whole = " ".join(names)
    born = _BIRTH.fullmatch(birth.strip())
    if len(whole) > MAX_NAME_CHARS or born is None:
        return None
    letters = standard(whole).replace("<", "")
    return f"{_turned(_plain(letters))}/{born[1]}" if letters else None


def _plain(letters: str) -> str:
    """Write the plain letter for a digraph, also where the last letter and the first make one."""
    kept = [c for at, c in enumerate(letters) if letters[at - 1] + c not in _DIGRAPHS]
    return "".join(kept) or letters


def _turned(letters: str) -> str:
    """Return the letters from whichever of them makes the first text in order.

    GARCIALOPEZMARIA and MARIAGARCIALOPEZ are one name that two registers begin elsewhere.
    """
    return min(letters[at:] + letters[:at] for at in range(len(letters)))


_OF_A_NAME: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Cn"})


def standard(name: str) -> str:
    """Bring a name to its letters in upper case, `<` between its parts, without a degree.

    Latin letters as machine-readable travel documents write them (ICAO 9303 part 3); Cyrillic and
    Greek ones too, where a name is written in them; ideographs and other scripts as they are.
    """
    upper = unicodedata.normalize("NFKC", name).upper().translate(NATIONAL)
    plain = _VOWEL_SIGNS.sub("", unicodedata.normalize("NFKD", upper))
    parts = _letters(_APOSTROPHES.sub(" ", plain)).split()
    latin = any(_LATIN.search(part) for part in parts)
    found = (_in_latin(part, mixed=latin) for part in parts)
    return "<".join(part for part in found if part not in ("", _DEGREE))


def _letters(name: str) -> str:
    """Keep letters, and marks, which are vowels in many scripts; all else parts a name.

    What this release of Unicode does not know counts as a letter. Others know it, most of it are
    ideographs of names, and two persons must not become one by it.
    """
    return "".join(c if unicodedata.category(c) in _OF_A_NAME else " " for c in name)


def _in_latin(part: str, *, mixed: bool) -> str:
    """Write Cyrillic and Greek letters as Latin ones.

    `mixed`: the name has Latin letters; then a part that can be read as Latin was meant so.
    """
    if mixed:
        looked = part.translate(LOOK_ALIKES)
        if all(c not in TRANSLITERATED for c in map(ord, looked)):
            return looked
    return part.translate(TRANSLITERATED)

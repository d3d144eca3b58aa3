"""What the claim -260 of an HC1 code holds: one document, by its number and its form.

1 EU certificate; 3 and 4 WHO's certificates of a vaccination and of a test; -6 ICVP; 5 links. The
first of these in this order that can be read is the document. Negative numbers are free for anyone,
so -6 is an ICVP by its form alone. What is signed and none of these is OTHER: genuine, not read.
Only under 1, whose form the EU has settled, is another form a code that was wrongly made.

No document is held against its schema: countries write what it forbids, and what a place needs to
know its rules ask. Only what says when it counts is read here. An ICVP has had three forms: `vx`
holds the dose (2026), or `v` does with the disease in `tg` (2024) or without (2025). Of a link
nothing is kept but when it ends: its key opens a person's documents.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from verifier.codes.claims import Dose, Validity
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import CertificateUse, DocumentForm
from verifier.encoding.dates import numeric_date
from verifier.encoding.strict_json import read_json, unbase64url

LINK_SCHEMES: Final = ("vhlink:/", "shlink:/")
MAX_LINKS: Final = 16
"""Links of one code; a code of one symbol holds few."""

_VACCINATION: Final = frozenset({CertificateUse.VACCINATION})
_TEST: Final = frozenset({CertificateUse.TEST})
_DCC: Final = DocumentForm.DCC
_DCC_ENTRIES: Final = "vtr"
_DCC_USES: Final = {
    "": frozenset(CertificateUse),
    "v": _VACCINATION,
    "t": _TEST,
    "r": frozenset({CertificateUse.RECOVERY}),
    "vt": _VACCINATION | _TEST,
    "vr": frozenset({CertificateUse.VACCINATION, CertificateUse.RECOVERY}),
    "tr": frozenset({CertificateUse.TEST, CertificateUse.RECOVERY}),
    "vtr": frozenset(CertificateUse),
}
"""Entries that there are -> uses that the key must have. Built once: every certificate asks."""
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_LINK_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class HealthDocument(NamedTuple):
    """A document as far as it is read before any rule."""

    form: DocumentForm
    content: dict[Any, Any] | None = None
    """As it was signed; None: it is not read, or must not be kept."""
    uses: frozenset[CertificateUse] = frozenset()
    """Uses that the signing key must have, where it is bound to any."""
    validity: Validity | None = None
    dose: Dose | None = None


class _UnreadError(Exception):
    """Not a document of this kind."""


NOT_READ: Final = HealthDocument(DocumentForm.OTHER)


def read_document(hcert: Any) -> HealthDocument:
    """Read what the claim holds; nearly whatever it is, there is an answer.

    Raises:
        MalformedError: an EU certificate that is no map, or has entries that are no list.
    """
    if not isinstance(hcert, dict):
        return NOT_READ
    numbers = [key for key in hcert if type(key) is int and key in _READERS]
    if len(numbers) > 1:
        numbers.sort(key=_ORDER.__getitem__)
    for number in numbers:
        try:
            return _READERS[number](hcert[number])
        except _UnreadError:
            continue
    return NOT_READ


def _dcc(found: Any) -> HealthDocument:
    """Read an EU certificate; the key must sign each kind of entry, and all where there is none."""
    if not isinstance(found, dict):
        raise MalformedError("a certificate that is no map")
    held = []
    for name in _DCC_ENTRIES:
        entries = found.get(name)
        if entries:
            held.append(name)
        if entries is not None and not isinstance(entries, list):
            raise MalformedError("entries that are not a list")
    return HealthDocument(_DCC, found, _DCC_USES["".join(held)])


def _ddcc_vs(found: Any) -> HealthDocument:
    return _ddcc(found, DocumentForm.DDCC_VS, "vaccination", _VACCINATION)


def _ddcc_tr(found: Any) -> HealthDocument:
    return _ddcc(found, DocumentForm.DDCC_TR, "test", _TEST)


def _ddcc(
    found: Any, form: DocumentForm, event: str, uses: frozenset[CertificateUse]
) -> HealthDocument:
    """Read a certificate of WHO's; it counts in the period that it states."""
    document = _map(found)
    _map(document.get(event))
    certificate = _map(document.get("certificate"))
    period = certificate.get("period")
    if period is None:
        return HealthDocument(form, document, uses)
    if not isinstance(period, dict):
        return HealthDocument(form, document, uses, Validity(readable=False))
    return HealthDocument(form, document, uses, _validity(period.get("start"), period.get("end")))


def _icvp(found: Any) -> HealthDocument:
    document = _map(found)
    if "vx" in document:  # 2026: `v` is the template's version, `dt` the document's type
        given = _map(document["vx"])
        stated = given.get("dv")
        day, validity = given.get("dt") if stated is None else stated, Validity()
        template = document.get("v")
        named: tuple[str | None, tuple[str, ...]] = _text(given.get("vp")), ()
    else:
        given = _map(document.get("v"))
        day, validity = given.get("dt"), _validity(given.get("vls"), given.get("vle"))
        template = "1"
        named = _named(given)
    when = _day(day)
    if when is None:
        unreadable = Validity(readable=False)
        return HealthDocument(DocumentForm.ICVP, document, _VACCINATION, unreadable)
    dose = Dose(
        day=when,
        product=named[0],
        diseases=named[1],
        template=template if isinstance(template, str) else "",
    )
    return HealthDocument(DocumentForm.ICVP, document, _VACCINATION, validity, dose)


def _named(given: dict[Any, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Return product and diseases: `vp` is the kind of vaccine where `tg` names the disease."""
    if "tg" in given:
        return None, (_text(given["tg"]),)
    return _text(given.get("vp")), ()


def _links(found: Any) -> HealthDocument:
    """Read links, as a text or as a list of {"u": text}; the first that ends ends all."""
    listed = found if isinstance(found, list) else [{"u": found}]
    if not 1 <= len(listed) <= MAX_LINKS:
        raise _UnreadError
    ends = min(_link_end(_map(one).get("u")) for one in listed)
    validity = None if math.isinf(ends) else Validity(ends=ends)
    return HealthDocument(DocumentForm.LINK, validity=validity)


def _link_end(address: Any) -> float:
    """Return when a link ends, Unix seconds; infinite: it does not say."""
    text = _text(address)
    start = next((text.find(s) + len(s) for s in LINK_SCHEMES if s in text), None)
    if start is None:
        raise _UnreadError
    try:
        link = _map(read_json(unbase64url(text[start:].rstrip("="))))
        ends = numeric_date(link["exp"]) if "exp" in link else math.inf
    except MalformedError as error:
        raise _UnreadError from error
    if not _text(link.get("url")).startswith("https://"):
        raise _UnreadError
    if _LINK_KEY.fullmatch(_text(link.get("key"))) is None:
        raise _UnreadError
    return ends


_READERS: Final[dict[int, Callable[[Any], HealthDocument]]] = {
    1: _dcc,
    3: _ddcc_vs,
    4: _ddcc_tr,
    -6: _icvp,
    5: _links,
}
"""By the number under the claim -260, in the order in which a code of several is read."""
_ORDER: Final = {number: place for place, number in enumerate(_READERS)}


def _validity(start: Any, end: Any) -> Validity:
    """Read a window of whole days or moments; either end may be missing."""
    days: list[date | None] = [None, None]
    moments: list[float | None] = [None, None]
    for position, stated in enumerate((start, end)):
        if stated is None:
            continue
        days[position], moments[position] = _day(stated), _moment(stated)
        if days[position] is None and moments[position] is None:
            return Validity(readable=False)
    return Validity(first_day=days[0], last_day=days[1], starts=moments[0], ends=moments[1])


def _day(stated: Any) -> date | None:
    if not isinstance(stated, str) or _DAY.fullmatch(stated) is None:
        return None
    try:
        return date.fromisoformat(stated)
    except ValueError:
        return None


def _moment(stated: Any) -> float | None:
    """Read a date with a time and an offset, Unix seconds; a fraction of a second is cut off."""
    found = _MOMENT.fullmatch(stated) if isinstance(stated, str) else None
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1] + found[2].replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def _map(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise _UnreadError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnreadError
    return value

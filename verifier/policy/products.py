"""The catalogue of vaccine products: which disease a product is against, and when it counted.

An ICVP names its product by an id that WHO makes of the product's row: a mended spelling in that
row makes a new id, and codes that were signed before name one that is gone. So a catalogue keeps
every id that was ever published, with its dates, and is handed out signed and dated.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import msgspec

from verifier.codes.claims import Dose
from verifier.contract.bundle import Product, ProductCatalogue
from verifier.errors import ProfileError

YELLOW_FEVER: Final = "1D47"
"""ICD-11."""
WAIT_DAYS: Final = 10
"""Days from a dose against yellow fever to the first on which it counts (ICVP.DT.1)."""
_NAMED_FOR: Final = "YellowFever"
"""How ids of such products begin. A name approves nothing; it only makes the ten days asked where
no catalogue is known."""


class Products:
    """A catalogue, ready to ask; immutable."""

    __slots__ = ("_by_id", "as_of")

    def __init__(self, catalogue: ProductCatalogue) -> None:
        """Take a catalogue.

        Raises:
            ProfileError: a date in it is none.
        """
        self.as_of = _day(catalogue.date)
        """The day of the newest list in it."""
        self._by_id: dict[str, tuple[tuple[str, ...], date, date]] = {
            name: (
                product.diseases,
                date.min if product.since is None else _day(product.since),
                date.max if product.until is None else _day(product.until),
            )
            for name, product in catalogue.products.items()
        }

    def diseases(self, product: str) -> tuple[str, ...] | None:
        """Return what a product is against (ICD-11); None: it is not in the catalogue."""
        found = self._by_id.get(product)
        return None if found is None else found[0]

    def approves(self, product: str, day: date) -> bool:
        """Say whether a product counted on a day."""
        found = self._by_id.get(product)
        return found is not None and found[1] <= day <= found[2]


def diseases_of(dose: Dose, products: Products | None) -> tuple[str, ...] | None:
    """Return what a dose is against; None: nobody here knows."""
    if dose.diseases or dose.product is None:
        return dose.diseases
    return None if products is None else products.diseases(dose.product)


def first_day_of(dose: Dose, products: Products | None) -> date:
    """Return from which day on a dose counts."""
    diseases = diseases_of(dose, products)
    if diseases is None:
        waits = dose.product is not None and dose.product.startswith(_NAMED_FOR)
    else:
        waits = YELLOW_FEVER in diseases
    try:
        return dose.day + timedelta(days=WAIT_DAYS if waits else 0)
    except OverflowError:
        return date.max


def merged(lists: Iterable[ProductCatalogue]) -> ProductCatalogue | None:
    """Return all lists as one, the newest word of each id; None: there is no list.

    An id that a later list leaves out counts for doses given up to that list's day.
    """
    found: dict[str, Product] = {}
    ordered = sorted(lists, key=lambda one: one.date)
    for one in ordered:
        for name in found.keys() - one.products.keys():
            gone = found[name]
            until = one.date if gone.until is None else min(gone.until, one.date)
            found[name] = msgspec.structs.replace(gone, until=until)
        found.update(one.products)
    return ProductCatalogue(date=ordered[-1].date, products=found) if ordered else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ProfileError("products", f"products: {text[:20]!r} is no date") from error

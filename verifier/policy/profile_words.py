"""Words of a profile, and what they may say together: formats, static codes, colours.

A word that means nothing where it stands is refused, so that nobody believes in it. An error's text
begins with the field.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from verifier.contract.vocabulary import Format
from verifier.policy.rules import DOCUMENTS

Colours = tuple[str, ...] | dict[Format, tuple[str, ...]]


def check_static(
    static: bool | tuple[Format, ...],  # noqa: FBT001 - a profile may say true or false
    named: AbstractSet[Format],
    formats: AbstractSet[Format],
) -> None:
    """Refuse `static` where it does not say which formats it means, or names what is not taken.

    `named` are the formats that it means. Raises ValueError.
    """
    only_static = formats & DOCUMENTS
    if only_static and static is True:
        raise ValueError("static takes a list of formats where others than CC1 are taken")
    if named - formats:
        raise ValueError(f"static names {min(named - formats)}, which formats does not")
    if only_static - named:
        one = min(only_static - named)
        raise ValueError(f"static must name {one}, which has no other codes, or formats must not")


def check_coloured(field: str, colours: Colours, formats: AbstractSet[Format]) -> None:
    """Refuse colours of a format that has none. Raises ValueError."""
    if not colours:
        return
    if isinstance(colours, dict):
        if set(colours) != {Format.CC1} or Format.CC1 not in formats:
            raise ValueError(f"{field} takes CC1 where formats names it: no other format has any")
    elif formats != {Format.CC1}:
        raise ValueError(f"{field} takes a table by format where others than CC1 are taken")


def of_city(colours: Colours) -> tuple[str, ...]:
    """Return the colours that are said of the city's codes, in either way of writing them."""
    return colours.get(Format.CC1, ()) if isinstance(colours, dict) else colours


def one_of(field: str, values: Iterable[str], allowed: set[str]) -> None:
    """Refuse a word that is none of those allowed. Raises ValueError."""
    for value in values:
        if value not in allowed:
            raise ValueError(f"{field} takes {', '.join(sorted(allowed))}")

"""Phrases: English text that remembers how it was put together, so it can be said in Chinese."""

from collections.abc import Iterable, Mapping
from typing import Any, Self


class Phrase(str):
    """A template with its values filled in.

    As a string it is the English text. A value that is a phrase is put into the other language
    too; every other value is data and stays as it is.
    """

    __slots__ = ("key", "parts", "template", "values")

    key: str
    """Its key in the table of the other language: the template, where nothing else is given."""
    template: str
    values: Mapping[str, Any]
    parts: tuple[str, ...]
    """Of a list of phrases; else empty."""

    def __new__(cls, template: str, /, *, key: str = "", **values: Any) -> Self:
        """Fill a template (PEP 3101); without values its braces are only text."""
        made = super().__new__(cls, template.format(**values) if values else template)
        made.key, made.template, made.values, made.parts = key or template, template, values, ()
        return made

    @classmethod
    def listed(cls, parts: Iterable[str]) -> Self:
        """Return parts with commas between them; empty ones are left out."""
        found = tuple(part for part in parts if part)
        made = cls(", ".join(found))
        made.parts = found
        return made

    def translated(self, table: Mapping[str, str], comma: str) -> str:
        """Return it by another language's templates; what has none stays English."""
        if self.parts:
            return comma.join(_translated(part, table, comma) for part in self.parts)
        template = table.get(self.key, self.template)
        values = {name: _translated(value, table, comma) for name, value in self.values.items()}
        return template.format(**values) if values else template


def _translated(value: Any, table: Mapping[str, str], comma: str) -> Any:
    return value.translated(table, comma) if isinstance(value, Phrase) else value

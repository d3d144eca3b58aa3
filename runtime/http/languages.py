"""Which of a service's languages a caller reads, by Accept-Language."""

from functools import lru_cache
from typing import Final, Generic, TypeVar

MAX_HEADERS: Final = 256
"""Values of Accept-Language of which the choice is remembered; browsers send a few dozen."""
Tag = TypeVar("Tag", bound=str)


class Languages(Generic[Tag]):
    """The languages that a service writes, by their tags (BCP 47); the first where none is asked.

    Two of them differ in what stands before the first hyphen.
    """

    def __init__(self, *tags: Tag) -> None:
        self._first = tags[0]
        self._tags = {tag.lower().partition("-")[0]: tag for tag in tags}
        self.pick = lru_cache(MAX_HEADERS)(self._pick)
        """Picks the language by the value of Accept-Language (RFC 9110 section 12.5.4)."""

    def _pick(self, header: str) -> Tag:
        best, weight = self._first, 0.0
        for part in header.split(","):
            tag, _, parameter = part.strip().lower().partition(";")
            language = self._tags.get(tag.partition("-")[0].strip())
            value = _weight(parameter)
            if language is not None and value > weight:
                best, weight = language, value
        return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, max(0.0, float(value))) if name == "q" else 1.0
    except ValueError:
        return 0.0

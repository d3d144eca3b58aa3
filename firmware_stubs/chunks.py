"""Chunks: the symbols of one SMART Health Card, shown one after the other, until it is whole. Pure.

- Symbols count in any order; one that is read twice counts once.
- Half a card is no scan: it has no scan_id, nothing is asked, decided or recorded. Whoever shows it
  is told how many were read.
- A symbol of another card (another total, or another text under a number that was read), and any
  other code, begins anew: it is another person's turn. So does the symbol after `NEXT_S` seconds
  without a new one.
- The camera goes on seeing a symbol of the card that was just whole: it is that card shown again.
- Nothing is ever kept that no card could be: the rest is for `assess` to refuse.
Document: docs/terminal.md, "Cards of several symbols".
"""

from dataclasses import dataclass
from typing import Final

from firmware_stubs.scans import SAME_S
from verifier.codes.shc import MAX_TEXT, gather, whole_chunk_of
from verifier.contract.reasons import Language

NEXT_S: Final = 20.0
"""Seconds to show the next symbol in: time to turn a page or to swipe, too short for a queue."""

_NEXT: Final = {
    Language.ZH: "已读取 {read} 个，共 {total} 个二维码，请出示下一个。",
    Language.EN: "{read} of {total} codes read. Show the next one.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardProgress:
    """How much of a card was read; no decision."""

    read: int
    total: int

    def sentence(self, language: Language) -> str:
        """Say it to whoever shows the card."""
        return _NEXT[language].format(read=self.read, total=self.total)


class Chunks:
    """The card that is being shown, and the one that was whole last."""

    def __init__(self) -> None:
        self._symbols: dict[int, str] = {}
        self._total = 0
        self._at = 0.0
        self._whole = ""
        self._of_whole: frozenset[str] = frozenset()
        self._whole_at = 0.0

    def take(self, text: str, now: float) -> str | CardProgress:
        """Take in a text; return what is to be judged, or how much of its card was read."""
        self.forget(now)
        chunk = whole_chunk_of(text)
        if chunk is None:
            self._symbols = {}
            return text
        if not self._symbols and text in self._of_whole:
            return self._whole
        return self._add(text, *chunk, now)

    def forget(self, now: float) -> None:
        """Forget a card whose next symbol did not come, and one that was whole long ago."""
        if self._symbols and abs(now - self._at) >= NEXT_S:
            self._symbols = {}
        if self._whole and abs(now - self._whole_at) >= SAME_S:
            self._whole, self._of_whole = "", frozenset()

    def _add(self, text: str, number: int, total: int, now: float) -> str | CardProgress:
        if total != self._total or self._symbols.get(number, text) != text:
            self._symbols = {}
        if number not in self._symbols:
            self._symbols[number] = text
            self._total, self._at = total, now
        if sum(map(len, self._symbols.values())) > MAX_TEXT:
            self._symbols = {}
            return text
        if len(self._symbols) < total:
            return CardProgress(read=len(self._symbols), total=total)
        texts = tuple(self._symbols.values())
        self._symbols = {}
        self._whole, self._of_whole, self._whole_at = gather(texts), frozenset(texts), now
        return self._whole

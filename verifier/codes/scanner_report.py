"""The commissioning code: by it a terminal says what its scanner adds, changes or loses. Pure.

Its text opens with a pattern that is known under any keyboard layout. Then come the characters of
all formats, each behind a letter that parts them, so that each is seen by itself; five times over,
as long as a certificate, so that what gets lost is seen too. Whoever reads it decides nothing by it
and changes nothing: anybody may hold it up. Document: docs/terminal.md, "Scanners".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from verifier.codes.formats import recognise
from verifier.codes.scanned import clean
from verifier.contract.reasons import Language

LEAD: Final = "KOKOPKOKOP"
"""K, O and P stand alike in all Latin layouts, and never are dead keys."""
END: Final = "KOKOP"
CHARACTERS: Final = "$%*+-./:0123456789 ABCDEFGHIJLMNQRSTUVWXYZchs"
"""Base45 without the three of the lead, and the small letters of `shc:/`."""
TURNS: Final = 5
COMMISSIONING_TEXT: Final = LEAD + TURNS * "".join(f"K{c}" for c in CHARACTERS) + END
MAX_BEFORE: Final = 40
"""Characters before the lead that are looked through."""

_LEAD: Final = re.compile(r"(.)(.)\1\2(.)\1\2\1\2\3", re.DOTALL)
_SAMPLES: Final = ("CC1:" + CHARACTERS[:-3].replace(" ", " K") + "OP", "shc:/0123456789")


class ScannerVerdict(StrEnum):
    """What a scanner is good for; closed."""

    GOOD = "good"
    """It types what the code says."""
    CLEANED = "cleaned"
    """What it adds or changes is taken off by every door."""
    LAYOUT = "layout"
    EXTRA = "extra"
    LOSSY = "lossy"
    """Characters get lost or doubled on the way."""


_SENTENCES: Final[Mapping[ScannerVerdict, tuple[str, str]]] = {
    ScannerVerdict.GOOD: ("扫码器输入正确，可以使用。", "The scanner types what the code says."),
    ScannerVerdict.CLEANED: (
        "扫码器附加或改变的字符会自动去除，可以使用。",
        "What the scanner adds or changes is taken off. It can be used.",
    ),
    ScannerVerdict.LAYOUT: (
        "扫码器的键盘布局与终端不同，或输入法未关闭。请改为相同布局，或改用串口模式。",
        "The scanner types under another keyboard layout. Set it to this terminal's, or to serial.",
    ),
    ScannerVerdict.EXTRA: (
        "扫码器附加了无法去除的字符。请关闭其前缀和后缀。",
        "The scanner adds characters that cannot be taken off. Switch its prefix and suffix off.",
    ),
    ScannerVerdict.LOSSY: (
        "扫码器丢失或重复了字符。请放慢其输入速度，或改用串口模式。",
        "The scanner loses or doubles characters. Have it type more slowly, or set it to serial.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerReport:
    """What a scanner did to the commissioning code."""

    verdict: ScannerVerdict
    before: str = ""
    after: str = ""
    changed: Mapping[str, str]
    """Character to what came of it, of those that came otherwise."""

    def sentence(self, language: Language) -> str:
        """Say it to whoever sets the scanner up."""
        chinese, english = _SENTENCES[self.verdict]
        return chinese if language is Language.ZH else english

    def document(self) -> dict[str, object]:
        """Return what an answer says; what was added is spelled so that no screen obeys it."""
        return {
            "verdict": self.verdict.value,
            "before": _spelled(self.before),
            "after": _spelled(self.after),
            "changed": {sent: _spelled(came) for sent, came in self.changed.items()},
        }


def read_commissioning(text: str) -> ScannerReport | None:
    """Say what the scanner did, if a typed text is the commissioning code; None: it is another."""
    lead = _LEAD.search(text, 0, MAX_BEFORE + len(LEAD))
    if lead is None or len(set(lead.groups())) < len(lead.groups()):
        return None
    if recognise(clean(text)) is not None:
        return None
    parting, second, third = lead.groups()
    body, end, after = text[lead.end() :].rpartition(parting + second + parting + second + third)
    came = body.split(parting)[1:]
    whole = bool(end) and len(came) == TURNS * len(CHARACTERS)
    turn = len(CHARACTERS)
    if not whole or any(len(set(came[at::turn])) > 1 for at in range(turn)):
        return ScannerReport(verdict=ScannerVerdict.LOSSY, changed={})
    images = dict(zip(CHARACTERS, came, strict=False)) | dict(
        zip("KOP", (parting, second, third), strict=True)
    )
    before = text[: lead.start()]
    return ScannerReport(
        verdict=_verdict(images, before, after),
        before=before,
        after=after,
        changed={sent: image for sent, image in images.items() if image != sent},
    )


def _verdict(images: Mapping[str, str], before: str, after: str) -> ScannerVerdict:
    """Try codes as the scanner would type them."""
    typed = [before + "".join(images[c] for c in sample) + after for sample in _SAMPLES]
    if tuple(map(clean, typed)) == _SAMPLES:
        return ScannerVerdict.GOOD if tuple(typed) == _SAMPLES else ScannerVerdict.CLEANED
    bare = tuple(clean("".join(images[c] for c in sample)) for sample in _SAMPLES)
    return ScannerVerdict.EXTRA if bare == _SAMPLES else ScannerVerdict.LAYOUT


def _spelled(text: str) -> str:
    return "".join(c if c.isprintable() and c != "\\" else f"\\x{ord(c):02x}" for c in text)

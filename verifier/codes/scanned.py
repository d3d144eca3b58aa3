"""What scanners add to a code, taken off; and what they do that cannot be undone, named.

A keyboard-wedge or serial scanner types more than the code says: an AIM symbology identifier, an
ECI escape, a byte order mark, control characters at both ends. No format begins with any of them or
ends with one, so they can go without doubt. Letters that all came in lower case can be put right
too: base45 has capital letters only, and a health card has digits only behind its prefix. The rest
of a text is never touched. Every door cleans here, and nowhere else (docs/terminal.md, "Scanners").
"""

import re
from collections.abc import Sequence
from typing import Final

from verifier.codes.formats import FORMATS, recognise
from verifier.codes.shc import gather
from verifier.contract.reasons import Reason
from verifier.contract.text import REFUSED
from verifier.contract.vocabulary import Format
from verifier.errors import Refusal

CONTROLS: Final = "".join(map(chr, range(0x20))) + "\x7f"
"""C0 controls (TAB, line ends, STX, ETX, GS …) and DEL: no format has one."""
MAX_ADDED: Final = 64
"""Things taken off at either end; scanners add three or four, and work is bounded."""
MAX_NAME_CHARS: Final = 8
"""Characters of a scanner's own name for a kind of code (`s`, `P01`) before a code."""
MAX_GLUED: Final = 4
"""Codes in one line that are looked for; a longer text is too long, whatever it is."""
_LEAD_CHARS: Final = MAX_NAME_CHARS + 5
MIN_CODE_CHARS: Final = 60
"""Characters of a text that may be a code under another keyboard layout: the shortest code has 120,
and what a poster says so seldom has the length and the beginning."""

_BEFORE: Final = re.compile(
    r"(?:[\x00-\x20\x7f\ufeff]"  # a space too: no format begins with one, though base45 has it
    r"|\u00ef\u00bb\u00bf"  # the byte order mark read as Latin-1
    r"|\][A-Za-z][0-9A-Za-z]"  # AIM symbology identifier (ISO/IEC 15424): ]Q1, ]Q2, ]z0
    rf"|\\[0-9]{{6}}){{0,{MAX_ADDED}}}"  # ECI escape (AIM ITS/04-023): \000026 is UTF-8
)
_OF_THE_TEXT: Final = frozenset(
    {Reason.FORMAT_UNKNOWN, Reason.FORMAT_TOO_LONG, Reason.CODE_MALFORMED}
)
"""Why a text is refused before its signature is looked at."""
_ECI: Final = re.compile(r"\\[0-9]{6}")
_ECI_CHARS: Final = 7
_INSIDE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u0085\u00a0\u2028]")
"""Characters that scanners put between a code and what else they type; no code has one."""
_NAME: Final = re.compile(rf"[^/:\s]{{1,{MAX_NAME_CHARS}}}")

# What the keys of our prefixes give under other layouts. The scanner presses the keys of a US
# keyboard: shift and `;` for a colon, `/`, `1` and letters; H and C stand alike in all Latin ones.
_H, _C, _S = "HhРрΗηＨｈ", "CcСсΨψＣｃ", "SsЫыΣσＳｓ"
_ONE: Final = "1!&+１"
_COLON: Final = ";:+MmÖöÑñÇçÉéÆæØøŞşŠšČčŁłĶķŪūůŮĄą\"'¨΅ЖжＭ：；"
_SLASH: Final = "/?-_!&éÉ.,;:ùç§Ø／、？"
_TYPED_OTHERWISE: Final = re.compile(rf"[^\x00-\xa0\ud800-\udfff{REFUSED}]")
"""What a keyboard gives and no code has; half a surrogate pair comes from no keyboard. Whether a
character is printable hangs on the release of Unicode that an interpreter has; this does not."""
_OTHER_LAYOUT: Final = re.compile(
    rf"(?:[{_H}{_C}][{_C}][{_ONE}][{re.escape(_COLON)}]"
    rf"|[{_S}][{_H}][{_C}][{re.escape(_COLON)}][{re.escape(_SLASH)}])"
)


def read_text(texts: Sequence[str]) -> str:
    """Return the one text that was read, cleaned: itself, or that of a card's symbols."""
    if len(texts) == 1:
        return clean(texts[0])
    return gather(tuple(map(clean, texts)))


def clean(text: str) -> str:
    """Return a code without what a scanner added; a text that is no code of ours as it came."""
    if recognise(text) is not None and _ends_well(text):
        return text
    found = _cased(_bare(text))
    return text if recognise(found) is None else found


def named(refusal: Refusal, text: str) -> Refusal:
    """Return why a text is refused: the scanner where it has spoiled it, not the code."""
    if refusal.reason not in _OF_THE_TEXT:
        return refusal
    fault = fault_of(text)
    return refusal if fault is None else Refusal(fault)


def fault_of(text: str) -> Reason | None:
    """Say what a scanner did to a text that is refused; None: nothing that is seen."""
    bare = _bare(text)
    row = recognise(bare)
    if row is None:
        for known in FORMATS:
            at = bare.find(known.prefix, 0, MAX_NAME_CHARS + len(known.prefix))
            if at > 0 and _NAME.fullmatch(bare, 0, at):
                return Reason.SCANNER_EXTRA
        # Behind what the layout has made of an identifier, too.
        looks_like = len(bare) >= MIN_CODE_CHARS and _OTHER_LAYOUT.search(bare, 0, _LEAD_CHARS)
        # A prefix in other letters only, which `clean` puts right, is no other layout.
        return Reason.SCANNER_LAYOUT if looks_like and recognise(_cased(bare)) is None else None
    rest = bare[len(row.prefix) :]
    if len(bare) > MAX_GLUED * row.max_text:
        return None
    # Two codes in one line; what `gather` could not join stands on a line each.
    if any(re.search(rf"(?<!\n){known.prefix}", rest) for known in FORMATS):
        return Reason.SCANNER_EXTRA
    if _typed_otherwise(rest):
        return Reason.SCANNER_LAYOUT
    # A tab and the time behind a code, say; what `gather` could not join has line ends inside.
    return Reason.SCANNER_EXTRA if _INSIDE.search(bare) else None


def _typed_otherwise(rest: str) -> bool:
    """Say whether there are characters that a keyboard gives and no code has."""
    return not rest.isascii() and _TYPED_OTHERWISE.search(rest) is not None


def _ends_well(text: str) -> bool:
    """Say whether nothing stands at the end that could be taken off."""
    return text[-1] >= " " and text[-1] != "\x7f" and text[-_ECI_CHARS:-6] != "\\"


def _bare(text: str) -> str:
    """Take off what stands before and behind."""
    found = _BEFORE.match(text)
    bare = text if found is None else text[found.end() :]
    for _ in range(MAX_ADDED):
        bare = bare.rstrip(CONTROLS)
        if _ECI.fullmatch(bare[-_ECI_CHARS:]) is None:
            break
        bare = bare[:-_ECI_CHARS]
    return bare


def _cased(text: str) -> str:
    """Write a prefix as its format does; and a code that came in small letters in capitals."""
    for row in FORMATS:
        lead = len(row.prefix)
        if text[:lead].lower() != row.prefix.lower():
            continue
        rest = text[lead:]
        small = row.format is not Format.SHC and text.isascii() and text.islower()
        rest = rest.upper() if small else rest
        return row.prefix + rest
    return text

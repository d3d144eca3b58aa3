"""Characters that no text of people may hold, by what they do, and texts that hold none."""

from typing import Final

REFUSED: Final = {
    "a line end": "\n",
    "a return": "\r",
    "an escape": "\x1b",
    "a tab": "\t",
    "delete": "\x7f",
    "a C1 control": "\x9b",
    "right to left, overriding": "\u202e",
    "an embedding": "\u202a",
    "an isolate": "\u2066",
    "a left-to-right mark": "\u200e",
    "a right-to-left mark": "\u200f",
    "an Arabic mark": "\u061c",
    "a zero width space": "\u200b",
    "a zero width joiner": "\u200d",
    "a byte order mark": "\ufeff",
    "a word joiner": "\u2060",
    "a soft hyphen": "\u00ad",
    "a filler": "\u3164",
    "a line separator": "\u2028",
    "a tag": "\U000e0041",
}
GOOD: Final = (
    "张三丰",
    "Zoë O'Neil-Đặng",
    "阿不都·买买提",
    "शर्मा",
    "محمد",
    "🚇 Metro 1",
    "A & <b>",
)

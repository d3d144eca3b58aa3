"""Chinese of `kapok terminals` and `kapok scan`."""

from collections.abc import Mapping
from typing import Final

TERMINALS: Final[Mapping[str, str]] = {
    "terminal": "终端",
    "gate": "闸机",
    "grant": "授权",
    "presence": "在线状态",
    "seen": "上次在线",
    "outbox": "待传",
    "incidents": "事件",
    "{place}/{gate} {direction}": "{place}/{gate} {direction}",
    "in": "进",
    "out": "出",
    "pass": "通过",
    "deny": "拒绝",
    "review": "人工核查",
    "{decision} ({where}, {ms:.0f} ms): {sentence}": (
        "{decision}（{where}，{ms:.0f} 毫秒）：{sentence}"
    ),
    "{decision} {reason} ({where}, {ms:.0f} ms): {sentence}": (
        "{decision} {reason}（{where}，{ms:.0f} 毫秒）：{sentence}"
    ),
}

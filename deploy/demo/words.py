"""What the demo says, in Chinese; English is what the chapters themselves say.

Everything that is shown as a row or a chapter stands here.
"""

from typing import Final

from verifier.contract.reasons import Language

CHINESE: Final = {
    "issuing codes": "签发码",
    "waiting until every worker and terminal knows everybody": "等待所有进程和终端获知所有人",
    "waiting until the terminal has learned of it": "等待终端获知此变更",
    "the source is silent; waiting until it is stale": "数据源静默，等待其过期",
    "phones": "手机",
    "a phone": "手机出示",
    "the same person again": "同一人再次出示",
    "a screenshot": "截图",
    "shown for another place": "为别处出示的码",
    "not enabled for transit": "未开通交通",
    "paper and forgeries": "纸质码与伪造",
    "paper": "纸质码",
    "paper where none is taken": "不收纸质码之处",
    "forged paper": "伪造的纸质码",
    "altered phone code": "被改动的手机码",
    "a shop's poster": "商店海报",
    "colours": "颜色",
    "red": "红码",
    "yellow, staff decide": "黄码，由工作人员决定",
    "yellow": "黄码",
    "groups": "集体码",
    "a group of two": "两人集体",
    "a group, one is red": "集体中一人为红码",
    "a group at a metro gate": "集体码过地铁闸机",
    "pictures": "画面",
    "two codes in view": "画面中有两个码",
    "no code in view": "画面中没有码",
    "steering": "远程操作",
    "open the gate": "开闸",
    "a phone is lost": "手机丢失",
    "reported lost by the new one": "用新手机挂失",
    "the lost phone": "丢失的手机",
    "the new phone": "新手机",
    "the same person's paper": "同一人的纸质码",
    "status from another system": "来自其他系统的状态",
    "a signed batch turns them red": "签名批次将此人改为红码",
    "the next scan": "下一次扫码",
    "how the source stands": "数据源状态",
    "cut off from the centre": "与中心断开",
    "joined: records uploaded": "重新接入：记录已上传",
    "who passed while cut off": "断网时已通过者",
    "two people change a colour": "两人改一个颜色",
    "a phone, green": "手机出示，绿码",
    "ling proposes red": "凌提议改为红码",
    "ling approves it herself": "凌自己批准",
    "hao approves it": "郝批准",
    "the very next scan": "紧接着的扫码",
    "cut off: by the old colour": "断网，仍按旧颜色",
    "the age that its record states": "记录写明的状态时龄",
    "joined again": "重新接入后",
    "cut off again: now it knows": "再次断网，已知新颜色",
    "a source stalls": "数据源停滞",
    "its age; nothing makes it less": "时龄只增不减",
    "how it stands now": "此刻的状态",
    "an empty batch: no changes": "空批次：没有变化",
}
_HOW: Final = {
    Language.EN: {True: "online", False: "alone", None: ""},
    Language.ZH: {True: "在线", False: "离线", None: ""},
}


def said(text: str, language: Language) -> str:
    """Return a row's or chapter's words in a language."""
    return CHINESE.get(text, text) if language is Language.ZH else text


def how(language: Language, *, online: bool | None) -> str:
    """Say whether a terminal asked the centre or decided alone."""
    return _HOW[language][online]


def summary(right: int, rows: int, seconds: float, language: Language) -> str:
    """Say how many rows were as they must be."""
    if language is Language.ZH:
        return f"{rows} 项中 {right} 项符合预期，用时 {seconds:.0f} 秒"
    return f"{right} of {rows} as they must be, in {seconds:.0f} s"

"""The closed table of Reasons: step, default outcome, and what a person reads, in two languages.

A sentence says what happened and what to do. It names no person, no colour of anybody else, and
nothing of how to get past. A new Reason is a decision page in docs/decisions.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from verifier.contract.vocabulary import Outcome, Step


class Reason(StrEnum):
    """Why a scan was not simply passed."""

    FORMAT_UNKNOWN = "format.unknown"
    FORMAT_TOO_LONG = "format.too_long"
    SCANNER_LAYOUT = "scanner.layout"
    """Not the code is wrong: a scanner types under another keyboard layout or input method."""
    SCANNER_EXTRA = "scanner.extra"
    """Not the code is wrong: a scanner types more than it says, or two codes in one line."""
    PICTURE_NONE = "picture.none"
    PICTURE_SEVERAL = "picture.several"
    PICTURE_PART = "picture.part"
    CODE_MALFORMED = "code.malformed"
    CODE_UNSUPPORTED_ALG = "code.unsupported_alg"
    TRUST_UNKNOWN_KEY = "trust.unknown_key"
    TRUST_WRONG_USE = "trust.wrong_use"
    TRUST_WRONG_ISSUER = "trust.wrong_issuer"
    TRUST_KEY_EXPIRED = "trust.key_expired"
    TRUST_STALE = "trust.stale"
    SIGNATURE_BAD = "signature.bad"
    PROOF_MISSING = "proof.missing"
    PROOF_BAD = "proof.bad"
    PROOF_STALE = "proof.stale"
    PROOF_FUTURE = "proof.future"
    PROOF_AUDIENCE = "proof.audience"
    TIME_EXPIRED = "time.expired"
    TIME_NOT_YET = "time.not_yet"
    CLOCK_UNSURE = "clock.unsure"
    STATUS_REVOKED = "status.revoked"
    STATUS_RED = "status.red"
    STATUS_YELLOW = "status.yellow"
    STATUS_NONE = "status.none"
    STATUS_STALE = "status.stale"
    STATUS_UNKNOWN = "status.unknown"
    PLACE_UNKNOWN = "place.unknown"
    PLACE_FORMAT = "place.format"
    PLACE_KIND = "place.kind"
    PLACE_STATIC = "place.static"
    PLACE_APPOINTMENT = "place.appointment"
    PLACE_DOCUMENT = "place.document"
    PLACE_LINK = "place.link"
    SECTOR_MISSING = "sector.missing"
    SECTOR_DISABLED = "sector.disabled"
    RULE_FAILED = "rule.failed"
    RULE_UNKNOWN = "rule.unknown"
    GROUP_EXCEPTIONS = "group.exceptions"
    GROUP_STALE_ROSTER = "group.stale_roster"
    USE_REPLAYED = "use.replayed"
    USE_SHOWN_AGAIN = "use.shown_again"
    """Said by a terminal of a code that passed at it seconds ago; never of a scan of its own."""
    USE_FULL = "use.full"
    USE_PAIR = "use.pair"
    USE_ANNULLED = "use.annulled"
    USE_UNKNOWN = "use.unknown"
    SYSTEM_UNAVAILABLE = "system.unavailable"


class ReasonRow(NamedTuple):
    """One row of the table."""

    step: Step
    outcome: Outcome
    zh: str
    en: str


_DENY, _REVIEW = Outcome.DENY, Outcome.REVIEW

REASONS: Final[dict[Reason, ReasonRow]] = {
    Reason.FORMAT_UNKNOWN: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "无法识别此码。请打开健康码、城市码或集体码后再扫。",
        "This is not a code we know. Open a health, city or group code and scan again.",
    ),
    Reason.FORMAT_TOO_LONG: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "码的内容过长。请重新打开您的码后再扫。",
        "The code holds more than any valid code. Open your code again and scan it.",
    ),
    Reason.SCANNER_LAYOUT: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "扫码器的键盘布局或输入法不对，不是您的码有问题。请联系工作人员。",
        "The scanner types under another keyboard layout. Your code is fine. Ask the staff.",
    ),
    Reason.SCANNER_EXTRA: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "扫码器多输入了字符，不是您的码有问题。请再扫一次，或联系工作人员。",
        "The scanner typed more than the code. Your code is fine. Scan again, or ask the staff.",
    ),
    Reason.PICTURE_NONE: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "未识别到码。请将码对准镜头，并调亮屏幕。",
        "No readable code in view. Hold the code before the lens and brighten the screen.",
    ),
    Reason.PICTURE_SEVERAL: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "画面中有多个码。请一次只出示一个码。",
        "Several codes are in view. Show one code at a time.",
    ),
    Reason.PICTURE_PART: ReasonRow(
        Step.RECOGNISE,
        _DENY,
        "这个码分成了几部分。请让所有部分同时出现在画面中。",
        "This code is split into several symbols. Show all of them at once.",
    ),
    Reason.CODE_MALFORMED: ReasonRow(
        Step.DECODE,
        _DENY,
        "码的内容残缺或有误。请重新打开您的码后再扫。",
        "The code is damaged or wrongly made. Open your code again and scan it.",
    ),
    Reason.CODE_UNSUPPORTED_ALG: ReasonRow(
        Step.DECODE,
        _DENY,
        "码的签名算法不受支持。请联系发码机构。",
        "The code is signed in a way we do not accept. Ask whoever issued it.",
    ),
    Reason.TRUST_UNKNOWN_KEY: ReasonRow(
        Step.KEYS,
        _DENY,
        "发码机构不在信任名单中。请出示本市签发的码。",
        "Whoever signed this code is not trusted here. Show a code issued for this city.",
    ),
    Reason.TRUST_WRONG_USE: ReasonRow(
        Step.KEYS,
        _DENY,
        "签名密钥不可用于此类码。请出示本市签发的码。",
        "The signing key may not sign this kind of code. Show a code issued for this city.",
    ),
    Reason.TRUST_WRONG_ISSUER: ReasonRow(
        Step.KEYS,
        _DENY,
        "码上的发码机构与签名不符。请出示本市签发的码。",
        "The code names an issuer its signature does not allow. Show a code issued for this city.",
    ),
    Reason.TRUST_KEY_EXPIRED: ReasonRow(
        Step.KEYS,
        _DENY,
        "签发此码的密钥已过期。请更新您的码。",
        "The key that signed this code is out of date. Renew your code.",
    ),
    Reason.TRUST_STALE: ReasonRow(
        Step.TIME,
        _DENY,
        "终端的信任名单已过期。请联系工作人员。",
        "This terminal's trust list is out of date. Ask the staff.",
    ),
    Reason.SIGNATURE_BAD: ReasonRow(
        Step.SIGNATURE,
        _DENY,
        "签名无效，此码可能被改动。请重新打开您的码。",
        "The signature does not hold; the code may have been altered. Open your code again.",
    ),
    Reason.PROOF_MISSING: ReasonRow(
        Step.SIGNATURE,
        _DENY,
        "此码须由本人手机实时出示。请打开手机上的码。",
        "This code must be shown live by its holder's phone. Open it on the phone.",
    ),
    Reason.PROOF_BAD: ReasonRow(
        Step.SIGNATURE,
        _DENY,
        "手机的实时签名无效。请重新打开您的码。",
        "The phone's live signature does not hold. Open your code again.",
    ),
    Reason.PROOF_STALE: ReasonRow(
        Step.TIME,
        _DENY,
        "码已超时，截图无效。请刷新您的码。",
        "The code is no longer fresh; a screenshot does not count. Refresh your code.",
    ),
    Reason.PROOF_FUTURE: ReasonRow(
        Step.TIME,
        _DENY,
        "手机时间偏快。请校准手机时间后刷新您的码。",
        "The phone's clock is ahead. Set it right and refresh your code.",
    ),
    Reason.PROOF_AUDIENCE: ReasonRow(
        Step.PROFILE,
        _DENY,
        "此码不是为本场所出示的。请重新打开用于本场所的码。",
        "This code was shown for another place. Open it again for this one.",
    ),
    Reason.TIME_EXPIRED: ReasonRow(
        Step.TIME,
        _DENY,
        "码已过有效期。请更新您的码。",
        "The code has expired. Renew your code.",
    ),
    Reason.TIME_NOT_YET: ReasonRow(
        Step.TIME,
        _DENY,
        "码尚未生效。请核对生效时间。",
        "The code is not valid yet. Check from when it holds.",
    ),
    Reason.CLOCK_UNSURE: ReasonRow(
        Step.TIME,
        _DENY,
        "终端时间不可靠，无法核验实时码。请联系工作人员。",
        "This terminal is unsure of the time and cannot judge a live code. Ask the staff.",
    ),
    Reason.STATUS_REVOKED: ReasonRow(
        Step.STATUS,
        _DENY,
        "此码已作废。请重新申领。",
        "This code has been revoked. Apply for a new one.",
    ),
    Reason.STATUS_RED: ReasonRow(
        Step.STATUS,
        _DENY,
        "当前状态不能通行。请在码页查看原因与申诉方式。",
        "The present status does not allow entry. Your code's page says why and how to appeal.",
    ),
    Reason.STATUS_YELLOW: ReasonRow(
        Step.STATUS,
        _DENY,
        "当前状态需先处理。请在码页查看原因与解除办法。",
        "The present status must be cleared first. Your code's page says why and how.",
    ),
    Reason.STATUS_NONE: ReasonRow(
        Step.STATUS,
        _DENY,
        "没有状态记录。请先完成申报。",
        "No status is on record. Make your declaration first.",
    ),
    Reason.STATUS_STALE: ReasonRow(
        Step.STATUS,
        _DENY,
        "终端的状态数据过旧。请联系工作人员。",
        "This terminal's status data is too old. Ask the staff.",
    ),
    Reason.STATUS_UNKNOWN: ReasonRow(
        Step.STATUS,
        _DENY,
        "查不到此码的状态。请联系工作人员。",
        "The status of this code cannot be found. Ask the staff.",
    ),
    Reason.PLACE_UNKNOWN: ReasonRow(
        Step.PROFILE,
        _DENY,
        "此终端未登记在任何场所。请联系管理员。",
        "This terminal stands at no known place. Tell the administrator.",
    ),
    Reason.PLACE_FORMAT: ReasonRow(
        Step.PROFILE,
        _DENY,
        "本场所不接受这种码。请出示场所要求的码。",
        "This place does not take this format. Show a code the place asks for.",
    ),
    Reason.PLACE_KIND: ReasonRow(
        Step.PROFILE,
        _DENY,
        "本场所不接受此类码。请出示个人码或按提示出示集体码。",
        "This place does not take this kind of code. Show the kind it asks for.",
    ),
    Reason.PLACE_STATIC: ReasonRow(
        Step.PROFILE,
        _DENY,
        "本场所不接受纸质码。请用手机出示，或联系工作人员。",
        "This place does not take paper codes. Show it on a phone, or ask the staff.",
    ),
    Reason.PLACE_APPOINTMENT: ReasonRow(
        Step.PROFILE,
        _DENY,
        "您此刻在本场所没有预约。请按预约时间前来，或先预约。",
        "You have no appointment here at this time. Come at its time, or make one first.",
    ),
    Reason.PLACE_DOCUMENT: ReasonRow(
        Step.PROFILE,
        _DENY,
        "此码真实有效，但不是本场所查验的证明种类。请出示所要求的证明。",
        "The code is genuine, but of a kind that is not read here. Show what the place asks for.",
    ),
    Reason.PLACE_LINK: ReasonRow(
        Step.PROFILE,
        _DENY,
        "此码只是指向证明的链接，本身不说明任何情况。请出示证明本身。",
        "The code is only a link to documents and says nothing itself. Show the document itself.",
    ),
    Reason.SECTOR_MISSING: ReasonRow(
        Step.PROFILE,
        _DENY,
        "您的码未开通此领域。请先在城市码中开通。",
        "Your code is not enabled for this sector. Enable it in your city code.",
    ),
    Reason.SECTOR_DISABLED: ReasonRow(
        Step.PROFILE,
        _DENY,
        "此领域暂停使用城市码。请使用其他方式。",
        "City codes are switched off for this sector at present. Use another way.",
    ),
    Reason.RULE_FAILED: ReasonRow(
        Step.PROFILE,
        _DENY,
        "不符合本场所的规则。请查看规则说明。",
        "A rule of this place is not met. Read what the rule asks.",
    ),
    Reason.RULE_UNKNOWN: ReasonRow(
        Step.PROFILE,
        _DENY,
        "缺少判断规则所需的数据。请联系工作人员。",
        "What a rule needs to know is missing. Ask the staff.",
    ),
    Reason.GROUP_EXCEPTIONS: ReasonRow(
        Step.PROFILE,
        _REVIEW,
        "集体中有成员不能直接通行。请逐一核对名单所示成员。",
        "Some members may not simply pass. Check the members shown one by one.",
    ),
    Reason.GROUP_STALE_ROSTER: ReasonRow(
        Step.PROFILE,
        _DENY,
        "集体名单缺失或过旧。请让负责人刷新集体码。",
        "The group's roster is missing or too old. Have its owner refresh the code.",
    ),
    Reason.USE_REPLAYED: ReasonRow(
        Step.USE,
        _DENY,
        "此人刚刚已在此通行过。请稍后再试，或联系工作人员。",
        "This person has just passed here. Wait a moment, or ask the staff.",
    ),
    Reason.USE_SHOWN_AGAIN: ReasonRow(
        Step.USE,
        _DENY,
        "此码刚刚已通行，不能再让任何人通过。请出示您自己的码。",
        "This code has already passed and lets nobody in again. Show a code of your own.",
    ),
    Reason.USE_FULL: ReasonRow(
        Step.USE,
        _DENY,
        "场所已满。请等候有人离开。",
        "The place is full. Wait until somebody leaves.",
    ),
    Reason.USE_PAIR: ReasonRow(
        Step.USE,
        _DENY,
        "进出记录不成对。请联系工作人员。",
        "Entry and exit do not match. Ask the staff.",
    ),
    Reason.USE_ANNULLED: ReasonRow(
        Step.USE,
        _DENY,
        "此次扫码已撤销。请重新扫码。",
        "This scan was annulled. Scan again.",
    ),
    Reason.USE_UNKNOWN: ReasonRow(
        Step.USE,
        _DENY,
        "暂时无法核对是否重复使用。请联系工作人员。",
        "Whether this code was used before cannot be checked now. Ask the staff.",
    ),
    Reason.SYSTEM_UNAVAILABLE: ReasonRow(
        Step.USE,
        _DENY,
        "系统暂时不可用。请稍后再扫，或联系工作人员。",
        "The system is not available at present. Scan again shortly, or ask the staff.",
    ),
}

PASSED = ("通过。", "Pass.")
PASSED_UNSURE = ("通过（未能完全核验，已记录）。", "Pass (not fully checked; this is recorded).")


class Language(StrEnum):
    """Languages of the sentences (BCP 47)."""

    ZH = "zh-CN"
    EN = "en"


def sentence(outcome: Outcome, reason: Reason | None, language: Language) -> str:
    """Say what happened and what to do, in one language."""
    pick = 0 if language is Language.ZH else 1
    if outcome is Outcome.PASS:
        return (PASSED if reason is None else PASSED_UNSURE)[pick]
    if reason is None:
        reason = Reason.SYSTEM_UNAVAILABLE
    row = REASONS[reason]
    return row.zh if language is Language.ZH else row.en

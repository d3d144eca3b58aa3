"""What `kapok scan` says, in the language of whoever calls."""

import pytest

from deploy.cli.terminals import scan_line
from verifier.contract.reasons import REASONS, Language, Reason

DENIED = {"decision": "deny", "reason": "use.replayed", "online": False, "ms": 17.4}


def test_the_sentence_is_the_callers() -> None:
    """Whatever language the terminal itself speaks."""
    row = REASONS[Reason.USE_REPLAYED]
    english, chinese = (scan_line(DENIED, language) for language in (Language.EN, Language.ZH))
    assert english == f"deny use.replayed (offline, 17 ms): {row.en}"
    assert chinese == f"拒绝 use.replayed（离线，17 毫秒）：{row.zh}"


@pytest.mark.parametrize("language", Language)
def test_a_pass_has_no_reason(language: Language) -> None:
    """Its brackets come at once."""
    line = scan_line({"decision": "pass", "reason": None, "online": True, "ms": 3.0}, language)
    assert line.startswith("pass (" if language is Language.EN else "通过（")


def test_a_card_of_several_codes_asks_for_the_next() -> None:
    """It is no decision yet."""
    assert "1 of 3" in scan_line({"card": {"read": 1, "total": 3}, "ms": 3.0}, Language.EN)

"""The language of whoever calls."""

import pytest

from deploy.words.language import own_language
from verifier.contract.reasons import Language


@pytest.mark.parametrize(
    ("told", "language"), [("zh_CN.UTF-8", Language.ZH), ("C", Language.EN), ("", Language.EN)]
)
def test_the_callers_language(
    told: str, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LC_ALL before LANG."""
    monkeypatch.setenv("LC_ALL", told)
    monkeypatch.setenv("LANG", "C")
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    assert own_language() is language


def test_messages_come_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC_MESSAGES before LANG, LC_ALL before both."""
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LC_MESSAGES", "zh_CN.UTF-8")
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert own_language() is Language.ZH
    monkeypatch.setenv("LC_ALL", "C")
    assert own_language() is Language.EN

"""Every phrase of the command line in Chinese, and how a phrase is said in a language."""

from collections.abc import Mapping
from typing import Final

from deploy.status import advice as english
from deploy.words.advice import ADVICE, FINDINGS
from deploy.words.demo import DEMO
from deploy.words.phrase import Phrase
from deploy.words.status import STATUS
from deploy.words.terminals import TERMINALS
from deploy.words.view import VIEW
from verifier.contract.reasons import Language

CHINESE: Final[Mapping[str, str]] = {
    **{english.ADVICE[code]: chinese for code, chinese in ADVICE.items()},
    **FINDINGS,
    **DEMO,
    **STATUS,
    **TERMINALS,
    **VIEW,
}
"""By the English template; what processes find wrong by its code."""
COMMA: Final = "，"


def said(text: str, language: Language) -> str:
    """Return a phrase in a language; what is no phrase is data and stays as it is."""
    if language is Language.ZH and isinstance(text, Phrase):
        return text.translated(CHINESE, COMMA)
    return str(text)

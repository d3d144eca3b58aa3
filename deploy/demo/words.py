"""How the demo speaks: its chapters and rows in the language of whoever watches."""

from deploy.words import chinese
from deploy.words.phrase import Phrase
from verifier.contract.reasons import Language


def said(text: str, language: Language) -> str:
    """Return a row's or chapter's words in a language."""
    return chinese.said(Phrase(text), language)


def how(language: Language, *, online: bool | None) -> str:
    """Say whether a terminal asked the centre or decided alone."""
    return "" if online is None else said("online" if online else "alone", language)


def summary(right: int, rows: int, seconds: float, language: Language) -> str:
    """Say how many rows were as they must be."""
    line = Phrase(
        "{right} of {rows} as they must be, in {seconds:.0f} s",
        right=right,
        rows=rows,
        seconds=seconds,
    )
    return chinese.said(line, language)

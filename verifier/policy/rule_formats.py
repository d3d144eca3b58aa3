"""Which documents rules read: the word `Format` of a rule, and what a format of codes carries."""

from enum import StrEnum
from typing import Final

from verifier.contract.vocabulary import DocumentForm, Format

CARRIED: Final = {
    Format.HC1: frozenset(
        {DocumentForm.DCC, DocumentForm.DDCC_VS, DocumentForm.DDCC_TR, DocumentForm.ICVP}
    ),
    Format.SHC: frozenset({DocumentForm.CARD}),
}
"""Format -> the documents that it carries and rules read."""


class RuleFormat(StrEnum):
    """What a rule reads."""

    HC1 = "HC1"
    """The EU's certificate alone: the gateway's rules are written for it."""
    SHC = "SHC"
    DDCC = "DDCC"
    ICVP = "ICVP"

    @property
    def forms(self) -> frozenset[DocumentForm]:
        """The documents."""
        return _READS[self]


_READS: Final = {
    RuleFormat.HC1: frozenset({DocumentForm.DCC}),
    RuleFormat.SHC: frozenset({DocumentForm.CARD}),
    RuleFormat.DDCC: frozenset({DocumentForm.DDCC_VS, DocumentForm.DDCC_TR}),
    RuleFormat.ICVP: frozenset({DocumentForm.ICVP}),
}

"""Operators' tokens as the verifier's processes open them: by the trust that is in force."""

from runtime.clock import now
from verifier.contract.operator import OperatorToken
from verifier.errors import TokenCause, TokenRefused
from verifier.service.worker.knowledge import Knowledge
from verifier.trust.operators import open_operator_token


def open_token(knowledge: Knowledge, text: str) -> OperatorToken:
    """Return what a token says, by the trust bundle that a worker goes by.

    Raises:
        TokenRefused: by its cause; STALE: the trust bundle itself has expired.
    """
    trust, moment = knowledge.known.trust, now()
    if moment > trust.expires:
        raise TokenRefused(TokenCause.STALE)
    return open_operator_token(trust.ring, text, moment)

"""Rows core.cc1.*: text to assessment with a real profile, all steps, against raw verifies.

Raw is one P-256 verify of the library below us on a loaded key, over distinct messages.
"""

import os
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.bench.codes import city, issue, now
from tests.bench.rows import Case, emit, interleaved, progress
from verifier.contract.vocabulary import Outcome
from verifier.decision import Assessment
from verifier.engine import assess
from verifier.issuing import signing_key
from verifier.steps.course import Clock
from verifier.steps.verified import VerifiedCredentials

COUNT: Final = 400
"""Codes of each kind: more than the processor's caches remember."""


def raw_case(count: int = COUNT) -> Case:
    """Return the yardstick: one ES256 verify through `cryptography` an item."""
    private = ec.generate_private_key(ec.SECP256R1())
    public, scheme = private.public_key(), ec.ECDSA(hashes.SHA256())
    messages = [os.urandom(200) for _ in range(count)]
    items = [(private.sign(message, scheme), message) for message in messages]
    return Case(call=lambda item: public.verify(item[0], item[1], scheme), items=items)


def run() -> None:
    """Measure and print."""
    progress("core: issuing codes")
    key, at = signing_key.generate(), now()
    codes, place = issue(COUNT, key, at), city(key, at)
    clock = Clock(now=at)

    def judge(text: str, seen: VerifiedCredentials) -> Assessment:
        found = assess(
            text,
            known=place.known,
            profile=place.profile,
            grant=place.grant,
            clock=clock,
            seen=seen,
        )
        if found.outcome is not Outcome.PASS:
            raise ValueError(f"a code that must pass did not: {found.reason}")
        return found

    remembered, nothing = VerifiedCredentials(), VerifiedCredentials(0)
    for text in (*codes.static, *codes.presentations):
        judge(text, remembered)
    best = interleaved(
        {
            "raw": raw_case(),
            "core.cc1.static": Case(call=lambda t: judge(t, nothing), items=codes.static),
            "core.cc1.presentation": Case(
                call=lambda t: judge(t, remembered), items=codes.presentations
            ),
            "core.cc1.cold": Case(call=lambda t: judge(t, nothing), items=codes.presentations),
            "core.cc1.repeat": Case(call=lambda t: judge(t, remembered), items=codes.static),
        }
    )
    raw = best.pop("raw")
    emit("raw", 1 / raw, "verify/s")
    for name, seconds in best.items():
        emit(name, 1 / seconds, "code/s", ratio=raw / seconds, to="raw")

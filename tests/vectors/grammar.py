"""The cases of what CC1's grammar refuses: claims, proof, envelope, algorithms."""

from collections.abc import Iterator
from typing import Final

from tests.support.city import CTI, City
from tests.support.faults import (
    IN_CLAIMS,
    IN_PROOF,
    IN_STATIC_BYTES,
    UNSUPPORTED,
    static_bytes,
    with_algorithm,
)
from tests.support.keys import PHONE
from tests.support.publisher import NOW
from verifier.contract.cbor import encode
from verifier.contract.reasons import Reason
from verifier.issuing.holder import sign_presentation

Case = tuple[tuple[str, ...], str, bytes, Reason]
BIGNUM: Final = b"\xc3\x49\x01" + bytes(8)
"""Tag 3 around nine bytes: -1 - 2^64."""


def grammar_cases() -> Iterator[Case]:
    """Yield the words of the id, why, the bytes of the code, and what it is refused for."""
    malformed, unsupported = Reason.CODE_MALFORMED, Reason.CODE_UNSUPPORTED_ALG
    for name, step in IN_CLAIMS.items():
        code = City(edit_claims=step).presentation()
        yield (malformed.value, "claims", name), name, code, malformed
    for name, step in IN_PROOF.items():
        code = City(edit_proof=step).presentation()
        yield (malformed.value, "proof", name), name, code, malformed
    static = static_bytes(City())
    for name, step in IN_STATIC_BYTES.items():
        yield (malformed.value, "envelope", name), name, step(static), malformed
    for name, algorithm in UNSUPPORTED.items():
        code = with_algorithm(algorithm)(static)
        yield (unsupported.value, name), name, code, unsupported
    why = "PS256 in the credential of a presentation"
    inner = with_algorithm(UNSUPPORTED["PS256"])(b"\xd2" + City().credential())[1:]
    shown = sign_presentation(inner, encode({6: NOW, 7: CTI}), key=PHONE)
    yield (unsupported.value, why), why, shown, unsupported
    es384 = UNSUPPORTED["ES384"]
    for why, head in {
        "another algorithm under a header of another length": (
            b"\x4d\xa2\x01" + es384 + static[6:16] + static[16:]
        ),
        "another algorithm and a kid cut short": b"\x4e\xa2\x01" + es384 + static[6:15],
    }.items():
        yield (malformed.value, "envelope", why), why, static[:2] + head, malformed
    why = "an algorithm past eight bytes, which needs a tag"
    yield (malformed.value, "envelope", why), why, with_algorithm(BIGNUM)(static), malformed

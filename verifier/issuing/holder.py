"""The holder's side: what a phone signs each time a code is shown, and what it asks its issuer."""

from typing import Any

from verifier.codes.city import PREFIX, algorithm_byte
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, byte_string_head, to_be_signed
from verifier.contract.holder import HolderRequest, Possession, Purpose, seal_holder
from verifier.encoding import base45
from verifier.issuing.signing_key import SigningKey

CTI_BYTES = 4


def present(
    credential: bytes, *, key: SigningKey, now: int, cti: bytes, audience: str | None = None
) -> bytes:
    """Sign a presentation over a credential; a tagged COSE_Sign1.

    `cti` is 4 random bytes; `audience` the use scope it is shown for.
    """
    payload: dict[int, Any] = {6: now, 7: cti}
    if audience is not None:
        payload[3] = audience
    return sign_presentation(credential, encode(payload), key=key)


def sign_presentation(credential: bytes, payload: bytes, *, key: SigningKey) -> bytes:
    """Sign an encoded proof payload as it is; faulty phones in tests use it too."""
    protected = b"\xa2\x01" + algorithm_byte(key.algorithm) + b"\x0d" + credential
    signature = key.sign(to_be_signed(SignedUse.PROOF, protected, payload))
    return b"".join(
        (
            b"\xd2\x84",
            byte_string_head(len(protected)),
            protected,
            b"\xa0",
            byte_string_head(len(payload)),
            payload,
            b"\x58\x40",
            signature,
        )
    )


def presentation_text(presentation: bytes) -> str:
    """Write a presentation as the text of a code."""
    return PREFIX + base45.encode(presentation)


def possess(
    key: SigningKey, *, issuer: str, challenge: bytes, purpose: Purpose = Purpose.PHONE
) -> bytes:
    """Sign a challenge of 16 bytes: the key is at hand, now, for this purpose."""
    said = Possession(iss=issuer, purpose=purpose, challenge=challenge)
    return seal_holder(said, kid=key.kid, algorithm=key.algorithm, sign=key.sign)


def ask(request: HolderRequest, key: SigningKey) -> bytes:
    """Sign what a holder asks of the issuer, with the key that the credential is bound to."""
    return seal_holder(request, kid=key.kid, algorithm=key.algorithm, sign=key.sign)

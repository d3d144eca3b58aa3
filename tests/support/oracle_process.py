"""The oracle: reads questions as JSON lines, answers each with one, signs and verifies.

Runs in `.venv-oracle` on python-cwt and its cbor2, and imports nothing of ours: what it knows of
CC1 it knows from docs/cc1.md. Bytes are hexadecimal, keys PEM. `{"refused": true}` is a signature
that does not hold or bytes that are none of COSE.
"""

import hashlib
import json
import sys
from typing import Any, Final

import cbor2
from cbor2 import CBORDecodeError, CBORTag
from cryptography.hazmat.primitives.asymmetric import ec
from cwt import COSE, COSEKey
from cwt.exceptions import CWTError

CREDENTIAL: Final = b"kapok/1/credential"
PROOF: Final = b"kapok/1/proof"
PRIVATE_CLAIM: Final = -70001
KCWT: Final = 13
SIGN1: Final = 18
REFUSALS: Final = (CWTError, CBORDecodeError, ValueError, TypeError, KeyError, IndexError)
"""What python-cwt and we raise on bytes that are not what they should be."""

COSE_: Final = COSE.new(verify_kid=False)


def thumbprint(key: Any) -> bytes:
    """Return the kid of a key: 8 bytes of its RFC 9679 thumbprint."""
    whole = key.to_dict()
    names = (1, -1, -2, -3) if whole[1] == 2 else (1, -1, -2)
    public = {name: whole[name] for name in names}
    return hashlib.sha256(cbor2.dumps(public, canonical=True)).digest()[:8]


def load(pem: str) -> Any:
    """Load a key with its kid."""
    key = COSEKey.from_pem(pem)
    return COSEKey.new({**key.to_dict(), 2: thumbprint(key)})


def confirmation(pem: str) -> dict[int, Any]:
    """Return the COSE_Key of a `cnf` claim."""
    whole = COSEKey.from_pem(pem).to_dict()
    if whole[1] == 1:
        return {name: whole[name] for name in (1, -1, -2)}
    return {1: 2, -1: 1, -2: whole[-2], -3: whole[-3][-1] % 2 == 1}


def holder_key(claims: dict[int, Any]) -> Any:
    """Return the key of a credential's holder; python-cwt takes no compressed point."""
    stated = claims[8][1]
    if stated[1] == 1:
        return COSEKey.new({**stated, 3: -8})
    point = bytes((2 + stated[-3],)) + stated[-2]
    whole = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).public_numbers()
    return COSEKey.new({**stated, -3: whole.y.to_bytes(32, "big"), 3: -7})


def verify(question: dict[str, Any]) -> dict[str, Any]:
    """Verify one signature for a use."""
    keys = [load(pem) for pem in question["keys"]]
    data, aad = bytes.fromhex(question["data"]), question["aad"].encode()
    protected, _, payload = COSE_.decode_with_headers(data, keys, external_aad=aad)
    return {"kid": protected[4].hex(), "payload": payload.hex()}


def verify_presentation(question: dict[str, Any]) -> dict[str, Any]:
    """Verify the issuer's signature inside, then the phone's outside."""
    data = bytes.fromhex(question["data"])
    keys = [load(pem) for pem in question["keys"]]
    inner = cbor2.loads(cbor2.loads(data).value[0])[KCWT]
    claims = cbor2.loads(COSE_.decode(CBORTag(SIGN1, inner), keys, external_aad=CREDENTIAL))
    proof = cbor2.loads(COSE_.decode(data, holder_key(claims), external_aad=PROOF))
    return {
        "issuer": claims[1],
        "status": claims[PRIVATE_CLAIM][2],
        "sectors": claims[PRIVATE_CLAIM][3],
        "iat": proof[6],
        "cti": proof[7].hex(),
    }


def _credential(question: dict[str, Any]) -> Any:
    key = load(question["issuer_key"])
    claims: dict[int, Any] = {
        1: question["issuer"],
        4: question["exp"],
        6: question["iat"],
        PRIVATE_CLAIM: {
            1: 1,
            2: question["status"],
            3: {int(number): value for number, value in question["sectors"].items()},
        },
    }
    if question["phone_key"] is not None:
        claims[8] = {1: confirmation(question["phone_key"])}
    return COSE_.encode_and_sign(
        cbor2.dumps(claims, canonical=True),
        key,
        protected={1: key.alg, 4: key.kid},
        external_aad=CREDENTIAL,
        out="cbor2/CBORTag",
    )


def issue(question: dict[str, Any]) -> dict[str, Any]:
    """Sign a static credential."""
    return {"data": cbor2.dumps(_credential(question)).hex()}


def show(question: dict[str, Any]) -> dict[str, Any]:
    """Sign a credential, and a presentation over it."""
    phone = load(question["phone_key"])
    proof = {6: question["shown_at"], 7: bytes.fromhex(question["cti"])}
    made = COSE_.encode_and_sign(
        cbor2.dumps(proof, canonical=True),
        phone,
        protected={1: phone.alg, KCWT: _credential(question).value},
        external_aad=PROOF,
    )
    return {"data": made.hex()}


QUESTIONS: Final = {
    "verify": verify,
    "verify_presentation": verify_presentation,
    "issue": issue,
    "show": show,
}


def main() -> None:
    """Answer until the questions end."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = QUESTIONS[question["do"]](question)
        except REFUSALS as error:
            answer = {"refused": True, "why": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()

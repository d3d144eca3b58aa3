"""The examples of RFC 8392 appendix A: the signed one is read, MACs and encryption are refused."""

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.support.health import b64
from tests.support.public_vectors import agree, public_folder
from verifier.codes import cose
from verifier.contract.errors import MalformedError
from verifier.trust.jwk import read_jwk
from verifier.trust.keys import bind

Found = Mapping[str, Any]
SIGNED: Final = frozenset({"A_3"})


def reads(vector: Found) -> bool:
    """Say whether it is a signed CWT whose signature holds over its plain text."""
    try:
        parts = cose.take_apart(bytes.fromhex(vector["output"]["cbor"]))
    except MalformedError:
        return False
    stated = vector["input"]["sign0"]["key"]
    point = {name: b64(bytes.fromhex(stated[f"{name}_hex"])) for name in ("x", "y")}
    key = bind(read_jwk({"kty": "EC", "crv": "P-256", **point}).public)
    message = cose.to_be_signed(parts.protected, parts.payload)
    assert message.hex().upper() == vector["intermediates"]["ToBeSign_hex"]
    assert parts.payload.hex() == vector["input"]["plaintext_hex"]
    return key.verify(message, parts.signature)


def test_the_appendix() -> None:
    """Sign1 holds; Mac0, Encrypt0 and the nested one are no signed codes."""
    for path in public_folder("cwt"):
        agree("cwt", path.stem, reads(json.loads(path.read_bytes())), path.stem in SIGNED)

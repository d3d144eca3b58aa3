"""Documents of the bundles: read into their types, or refused."""

from typing import Any

import pytest

from tests.support.keys import ISSUER
from tests.support.publisher import EDITION, NOW
from verifier.contract.bundle import RootDocument, TrustDocument, read_document
from verifier.contract.cbor import encode
from verifier.contract.errors import MalformedError
from verifier.contract.status import read_delta, read_status

KEY: dict[str, Any] = {
    "spki": ISSUER.spki,
    "uses": ["credential"],
    "algorithm": -7,
    "nbf": 0,
    "exp": NOW,
}
TRUST: dict[str, Any] = {
    "type": "trust",
    "version": 1,
    "iat": NOW,
    "exp": NOW + 1,
    "keys": [KEY],
    "lists": {1: "status:1"},
    "sectors_enabled": [1],
}
WRONG: dict[str, dict[str, Any]] = {
    "another type": TRUST | {"type": "profiles"},
    "version 0": TRUST | {"version": 0},
    "version true": TRUST | {"version": True},
    "version as text": TRUST | {"version": "1"},
    "version past 64 bits": TRUST | {"version": 1 << 80},
    "expires as it is made": TRUST | {"exp": NOW},
    "expires before it is made": TRUST | {"exp": NOW - 1},
    "a negative time": TRUST | {"iat": -1},
    "a member more": TRUST | {"comment": "x"},
    "a member less": {name: value for name, value in TRUST.items() if name != "lists"},
    "keys that are a map": TRUST | {"keys": {0: KEY}},
    "a key with a member more": TRUST | {"keys": [KEY | {"name": "x"}]},
    "a key without uses": TRUST | {"keys": [{k: v for k, v in KEY.items() if k != "uses"}]},
    "a key as text": TRUST | {"keys": [KEY | {"spki": "MFkw"}]},
    "more keys than any country has": TRUST | {"keys": [KEY] * 4097},
    "lists under texts": TRUST | {"lists": {"one": "status:1"}},
    "sectors true": TRUST | {"sectors_enabled": [True]},
}


def test_a_trust_document_is_read() -> None:
    """Members come out as they were published."""
    document = read_document(encode(TRUST), TrustDocument, "trust")
    assert (document.version, document.keys[0].spki) == (1, ISSUER.spki)
    assert document.lists == {1: "status:1"}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name: str) -> None:
    """One wrong member each."""
    with pytest.raises(MalformedError):
        read_document(encode(WRONG[name]), TrustDocument, "trust")


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x80", b"\xa0", b"\xf6", b"\xff"])
def test_payloads_of_another_shape(payload: bytes) -> None:
    """Nothing, a number, an array, an empty map, null, a lone break."""
    with pytest.raises(MalformedError):
        read_document(payload, RootDocument, "root")
    for read in (read_status, read_delta):
        with pytest.raises(MalformedError):
            read(payload)


def test_a_root_is_not_a_trust_bundle() -> None:
    """Both are signed for the same use; the type keeps them apart."""
    with pytest.raises(MalformedError):
        read_document(EDITION.root_payload(), TrustDocument, "trust")

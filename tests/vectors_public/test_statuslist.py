"""The public Token Status Lists and their tokens (IETF draft 20)."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.public_vectors import agree, public_file
from verifier.codes import cose
from verifier.conform.statuslist import conform_line
from verifier.contract.cbor import Grammar, decode
from verifier.encoding.strict_json import read_json, unbase64url
from verifier.trust.jwk import read_jwk
from verifier.trust.keys import bind

Found = Mapping[str, Any]


@pytest.fixture(scope="module")
def vectors() -> Found:
    """Read the file."""
    path = public_file("statuslist/ietf-token-status-list-vectors.json")
    found: Found = json.loads(path.read_bytes())
    return found


def ask(listed: Found, index: int) -> Found:
    """Ask one line of the conformance protocol."""
    line = {"id": 1, "index": index, **listed["json"]}
    found: Found = json.loads(conform_line(json.dumps(line).encode()))
    return found


def test_every_stated_value(vectors: Found) -> None:
    """Values of 1, 2, 4 and 8 bits, also of a million entries; what is not stated is zero."""
    for listed in vectors["lists"]:
        for index, status in listed["statuses"].items():
            found = ask(listed, int(index))
            agree("statuslist values", listed["name"], found, {"id": 1, "status": status})
        others = set(range(0, listed["entries"], 65_537)) - {int(i) for i in listed["statuses"]}
        for index in others:
            agree("statuslist values", listed["name"], ask(listed, index)["status"], 0)


def test_past_the_end_is_an_error(vectors: Found) -> None:
    """Neither one past the end nor before the start reads as zero; padding changes nothing."""
    for listed in vectors["lists"]:
        for index in (listed["entries"], -1, 1 << 40):
            error = {"id": 1, "error": "index.out_of_range"}
            agree("statuslist ends", listed["name"], ask(listed, index), error)
        padded = listed["json"]["lst"] + "=" * (-len(listed["json"]["lst"]) % 4)
        again = {"json": dict(listed["json"]) | {"lst": padded}}
        assert ask(again, 0) == ask(listed, 0)


def test_the_cbor_form_is_the_same_list(vectors: Found) -> None:
    """The list inside the CBOR is the list inside the JSON."""
    for listed in vectors["lists"]:
        found = decode(bytes.fromhex(listed["cbor_hex"]), Grammar(max_items=8, ordered_keys=False))
        assert found["lst"] == unbase64url(listed["json"]["lst"])
        assert found["bits"] == listed["bits"]


def test_tokens_hold_under_the_public_key(vectors: Found) -> None:
    """Two CWTs and a JWT, taken apart by our readers; a flipped bit of the signature does not."""
    key = bind(read_jwk(vectors["public_jwk"]).public)
    for token in vectors["tokens"]:
        if "token" in token:
            signed, _, encoded = token["token"].rpartition(".")
            message, signature = signed.encode(), unbase64url(encoded)
            header, payload = (read_json(unbase64url(part)) for part in signed.split("."))
            assert (header, payload) == (token["header"], token["claims"])
        else:
            parts = cose.take_apart(bytes.fromhex(token["token_hex"]))
            assert (parts.algorithm, parts.kid) == (-7, b"12")
            message = cose.to_be_signed(parts.protected, parts.payload)
            signature = parts.signature
        holds = key.verify(message, signature)
        agree("statuslist tokens", token["type"], holds, token["signature_valid_with_public_jwk"])
        assert not key.verify(message, signature[:-1] + bytes((signature[-1] ^ 1,)))


def test_base64_of_the_other_alphabet_is_refused(vectors: Found) -> None:
    """Only base64url, so that one list has one spelling."""
    data = unbase64url(vectors["lists"][3]["json"]["lst"])
    other = base64.b64encode(b"\xfb\xff" + data).decode()
    line = json.dumps({"id": 1, "bits": 1, "lst": other, "index": 0}).encode()
    assert json.loads(conform_line(line)) == {"id": 1, "error": "lst.malformed"}

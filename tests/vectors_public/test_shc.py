"""The public SMART Health Cards: examples, validator cases, key cases, revocation lists.

The validator's cases are files of every layer of a card. A JWS is asked as the digits it would
have in a symbol, a payload after signing it with a key of our own; bundles and links (SHL) are
other documents, and pictures are not carried.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import permutations
from typing import Any, Final

import pytest

from tests.support.health import CARDS, deflated, digits, jwk, jws
from tests.support.public_vectors import agree, public_file
from verifier.conform.codes import conform_line
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import read_json
from verifier.status.rids import read_card_list
from verifier.trust.jwk import read_jwk
from verifier.trust.keys import bind

Found = Mapping[str, Any]

ANSWERED: Final = ("jws", "healthcard", "qrnumeric", "jwspayload")
NOT_A_TEXT: Final = "cards are never read from files or links"
BAD_LIST: Final = "the fault is in the list; the list is refused, not the card"
CASES: Final[Mapping[str, str]] = {
    "missing coding": "medical content (FHIR) is not judged; a profile's rules ask for it",
    "not yet valid": "a warning there; here it does not pass before its time",
    "exp in milliseconds": "a warning there; here a time past the year 9999 is malformed",
    "invalid issuer url": "keys are given, never fetched; a bare key is not bound to an issuer",
    "CRL with invalid rid (base64)": BAD_LIST,
    "CRL with invalid rid (too long)": BAD_LIST,
}
LISTS: Final[Mapping[str, str]] = {
    "duplicate-rid": "the widest of the entries for one id counts",
    "version-mismatch": "a list newer than its key set is the newer word; an older one is refused",
}
KEYS: Final[Mapping[str, str]] = {
    "invalid x5c cert chain": "chains are not looked at: who put a key on a list decided",
}


@pytest.fixture(scope="module")
def vectors() -> Found:
    """Read the file."""
    found: Found = json.loads(public_file("shc/shc-vectors.json").read_bytes())
    return found


def ask(at: float, keys: list[dict[str, Any]], **members: Any) -> Found:
    """Ask one line of the conformance protocol; `at` in Unix seconds."""
    line = {
        "id": 1,
        "at": datetime.fromtimestamp(at, UTC).isoformat(),
        "keys": [{"jwk": values} for values in keys],
        **members,
    }
    found: Found = json.loads(conform_line(json.dumps(line).encode(), lambda _: ()))
    return found


def test_examples_pass_with_their_payload(vectors: Found) -> None:
    """Both editions of the specification's cards, from digits and from the JWS; no other key."""
    keys = vectors["issuer_jwks"]["keys"]
    for example in vectors["valid_examples"]:
        name = f"{example['source']} {example['name']}"
        at = example["payload"]["nbf"] + 1
        found = ask(at, keys, texts=example["qr_numeric"])
        assert found["claims"] == example["payload"]
        agree("shc examples", name, found["outcome"], "pass")
        assert ask(at, keys, text="shc:/" + digits(example["jws"])) == found
        assert ask(at - 302, keys, texts=example["qr_numeric"])["reason"] == "time.not_yet"
        assert ask(at, [jwk()], texts=example["qr_numeric"])["reason"] == "trust.unknown_key"


def test_chunks_in_every_order_and_no_set_but_the_whole(vectors: Found) -> None:
    """Three chunks in six orders; one missing, one doubled, one of another card."""
    keys = vectors["issuer_jwks"]["keys"]
    first, second = (e for e in vectors["valid_examples"] if len(e["qr_numeric"]) == 3)
    chunks, at = first["qr_numeric"], first["payload"]["nbf"] + 1
    for order in permutations(chunks):
        agree("shc chunks", "order", ask(at, keys, texts=list(order))["outcome"], "pass")
    wrong = [*(chunks[:n] + chunks[n + 1 :] for n in range(3)), [*chunks, chunks[0]]]
    wrong += [[chunks[0], chunks[0], chunks[1]], [*chunks[:2], second["qr_numeric"][2]]]
    for texts in wrong:
        agree("shc chunks", "wrong", ask(at, keys, texts=texts)["outcome"], "deny")


def expected_to_pass(case: Found) -> bool:
    """Say whether the validator reports no error; its first list, where deprecation is none."""
    raw = re.sub(r"/\*.*?\*/|,\s*\[.*|\.concat.*", "", case["expected_raw"])
    return not set(re.findall(r"ec\.([A-Z0-9_]+)", raw)) - {"QR_CHUNKING_DEPRECATED"}


def texts_of(case: Found) -> list[list[str]]:
    """Turn the inputs of a case into the texts of cards; each must pass for the case to pass."""
    inputs = case["inputs"]
    if case["type"] == "qrnumeric":
        return [inputs]
    if case["type"] == "jws":
        return [["shc:/" + digits(inputs[0])]]
    if case["type"] == "healthcard":
        return [["shc:/" + digits(each)] for each in json.loads(inputs[0])["verifiableCredential"]]
    return [["shc:/" + digits(jws(inputs[0].encode()))]]


def test_the_validators_cases(vectors: Found) -> None:
    """Every case of a layer that a terminal sees, at the validator's own time or after nbf."""
    keys = [*vectors["issuer_jwks"]["keys"], vectors["badcrl_public_key"], jwk(CARDS)]
    asked = [case for case in vectors["cases"] if case["type"] in ANSWERED and case["inputs"]]
    for case in asked:
        at = vectors["meta"]["validation_time"]
        if "NOT_YET_VALID" not in case["error_codes"] and "EXPIRATION" not in str(
            case["error_codes"]
        ):
            at = 1_700_000_000  # the valid ones were issued anew after the validator's time
        passes = all(
            ask(at, keys, texts=texts).get("outcome") == "pass" for texts in texts_of(case)
        )
        agree("shc cases", case["name"], passes, expected_to_pass(case), CASES)


def test_revocation_by_the_issuers_list(vectors: Found) -> None:
    """The card that the list names with a second after its nbf is revoked; its later one not."""
    keys, rids = vectors["issuer_jwks"]["keys"], vectors["spec_crl"]["rids"]
    for example in vectors["valid_examples"]:
        at = example["payload"]["nbf"] + 1
        found = ask(at, keys, texts=example["qr_numeric"], revoked_rids=rids)
        revoked = example["source"] == "spec-examples" and example["name"] == "example-03"
        wanted = ("deny", "status.revoked") if revoked else ("pass", None)
        name = f"{example['source']} {example['name']}"
        agree("shc revocation", name, (found["outcome"], found["reason"]), wanted)
        assert found["step"] == "status"


def test_bad_revocation_lists(vectors: Found) -> None:
    """A list with an entry that is no revocation id, or of another method, is refused whole."""
    for name, case in vectors["bad_crl"].items():
        refused = False
        for listed in case["crl"]:
            try:
                read_card_list(listed)
            except MalformedError:
                refused = True
        agree("shc lists", name, refused, True, LISTS)


def fits(case: Found) -> bool:
    """Say whether a key of a set may sign the cards of the issuer that the case names."""
    for values in case["jwk"]["keys"]:
        try:
            key = read_jwk(values)
        except MalformedError:
            return False
        right_algorithm = bind(key.public).algorithm is Algorithm.ES256
        right_issuer = case["san"] is None or key.issuer == case["san"]
        if not (key.fits and key.named and right_algorithm and right_issuer):
            return False
    return True


def test_key_cases(vectors: Found) -> None:
    """Wrong kid, use, type or name, and a certificate without a name."""
    for case in vectors["key_cases"]:
        agree("shc keys", case["name"], fits(case), case["expect"] == ["OK"], KEYS)


def test_payloads_are_read_as_they_were_compressed(vectors: Found) -> None:
    """Compressing a payload anew and reading it gives the payload."""
    for example in vectors["valid_examples"]:
        payload = json.dumps(example["payload"]).encode()
        assert read_json(payload) == example["payload"]
        assert len(deflated(payload)) < len(payload)

"""The public files about revoked EU certificates: hashes, names, holders, what rules may read.

Hashes are ours to compare: lists of revoked hashes are not followed. Of two documents of one person
we ask whether it is one person, by whole names.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.support.public_vectors import agree, public_file
from verifier.codes.hcert import decode, read_claims
from verifier.codes.names import standard, subject_of
from verifier.contract.envelope import Algorithm
from verifier.contract.vocabulary import Format
from verifier.policy.profiles import check_profile, resolve
from verifier.policy.rules import RuleSet, RuleVerdict, judge_all, kind_of, read_rule
from verifier.steps.course import Clock
from verifier.steps.place import rule_inputs

PART_OF_A_NAME: Final = "whole names are compared: a name in common does not make twins one person"
HOLDERS: Final = dict.fromkeys(
    (
        "match despite optional middle name",
        "match despite last name addendum",
        "match for twins with same middle name (false positive)",
        "edge case for swapped first/last name",
    ),
    PART_OF_A_NAME,
)
SETS: Final = {
    1: "sct-vaccines-covid-19",
    2: "vaccines-covid-19-names",
    3: "vaccines-covid-19-auth-holders",
    4: "disease-agent-targeted",
    5: "covid-19-lab-test-type",
    6: "covid-19-lab-test-manufacturer-and-name",
    7: "covid-19-lab-result",
}
"""Field of the protocol buffer to the name that rules have for the set."""


def read(name: str) -> Any:
    """Read one of the files."""
    return json.loads(public_file(f"dcc-revocation/{name}").read_bytes())


def first_half(data: bytes) -> str:
    """Return the first 128 bits of SHA-256, hex."""
    return hashlib.sha256(data).digest()[:16].hex()


def test_hashes_of_identifier_and_signature() -> None:
    """UCI, country and UCI, and the signature: of ES256 its r alone, which malleability keeps."""
    for sample in read("RevocationCalculationSampleData.json"):
        code = decode(sample["barcodeData"])
        claims = read_claims(code.payload)
        document = claims.document["hcert"]
        entry = next(document[name][0] for name in ("v", "t", "r") if document.get(name))
        half = 32 if code.algorithm == Algorithm.ES256 else None
        found = {
            "expUCI": first_half(entry["ci"].encode()),
            "expCOUNTRYCODEUCI": first_half((str(claims.issuer) + entry["ci"]).encode()),
            "expSIGNATURE": first_half(code.signature[:half]),
        }
        for name, value in found.items():
            agree("dcc-revocation hashes", f"{sample['description']} {name}", value, sample[name])


def test_parts_of_a_name() -> None:
    """Upper case, umlauts, dots and dashes, no doctor's degree."""
    for case in read("dcc-holder-name-components.gen.json")["data"]:
        found = standard(case["actName"])
        parts = found.split("<") if found else []
        agree("dcc-revocation names", case["description"], parts, case["expNameComponents"])


def test_one_holder_or_two() -> None:
    """Whole names and the birth date, names in either order."""
    for case in read("dcc-holder-comparison.gen.json")["data"]:
        one, other = (
            subject_of(Format.HC1, {"hcert": case[name]}) for name in ("actHolderA", "actHolderB")
        )
        assert None not in (one, other)
        expected = case["expIsSameHolder"]
        agree("dcc-revocation holders", case["description"], one == other, expected, HOLDERS)


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each field of a protocol buffer that has texts and messages."""

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    at = 0
    while at < len(data):
        tag, length = number(), number()
        assert tag & 7 == 2
        yield tag >> 3, data[at : at + length]
        at += length


def value_sets(encoded: str) -> dict[str, tuple[str, ...]]:
    """Read the codes of the app's value sets: a message each, of items with a key and a text."""
    found = {}
    for field, items in fields(base64.b64decode(encoded)):
        keys = tuple(dict(fields(item))[1].decode() for _, item in fields(items))
        found[SETS[field]] = keys
    return found


def test_what_rules_may_read() -> None:
    """Each external parameter of a document's rule, and each field of a test."""
    found = read("dcc-validation-rules-common-test-cases.json")
    sets = value_sets(found["general"]["valueSetProtocolBuffer"])
    assert len(sets) == len(SETS)
    for case in found["testCases"]:
        rules = RuleSet([read_rule(json.dumps(rule).encode()) for rule in case["rules"]])
        country = case["countryOfArrival"]
        profile = resolve(
            check_profile(
                {
                    "place": "border-1",
                    "stance": "closed",
                    "formats": ["HC1"],
                    "static": ["HC1"],
                    "rules": {"country": country},
                }
            ),
            1,
            rules,
            sets | {"country-2-codes": countries(case)},
        )
        code = decode(case["dcc"])
        claims = read_claims(code.payload)
        document: Mapping[str, Any] = claims.document["hcert"]
        kind = kind_of(document)
        assert kind is not None
        clock = Clock(now=case["validationClock"])
        outcomes = judge_all(
            rules.applying(clock.now, kind, country=country),
            document,
            rule_inputs(claims, code.kid, profile, clock),
        )
        said = [outcome.verdict for outcome in outcomes]
        counts = [said.count(verdict) for verdict in (RuleVerdict.PASSED, RuleVerdict.FAILED)]
        wanted = [case["expPass"], case["expFail"]]
        agree("dcc-revocation rules", case["description"], counts, wanted)


def countries(case: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the list of countries that a case presets: value sets are the publisher's here."""
    if "country-2-codes" not in case["description"]:
        return ()
    listed: list[str] = case["rules"][0]["Logic"]["reduce"][1]["and"][0]["in"][1]
    return tuple(listed)

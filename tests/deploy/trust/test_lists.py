"""Keys of card issuers whose other members are wrong: the key counts, and what is lost is said."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.health import AT, CARDS, ISSUER, b64, card, card_text, header, jwk
from tests.support.health import thumbprint as padded_thumbprint
from tests.support.imports import UNTIL, at_a_desk, at_a_gate, plan_of, reason
from tests.support.keys import STRANGER
from tests.support.signers import as_json, certificate, packed, web_key
from verifier.contract.reasons import Reason
from verifier.issuing.signing_key import SigningKey, from_secret

DAY: Final = 86_400
OTHER: Final = "https://another.example/shc"
THIRD: Final = "https://third.example/shc"
SHORT: Final = {
    "x": from_secret((379).to_bytes(32, "big")),
    "y": from_secret((43).to_bytes(32, "big")),
}
"""Keys of which one coordinate begins with a zero."""


def directory(*keys: Any, issuer: str = ISSUER) -> dict[str, Any]:
    """Publish the keys of one issuer."""
    return {"issuerInfo": [{"issuer": {"iss": issuer, "name": "A clinic"}, "keys": list(keys)}]}


def chain(signer: SigningKey = CARDS, address: str | None = ISSUER) -> dict[str, Any]:
    """Return an `x5c` that holds from a day before AT to a day after it."""
    return {"x5c": [packed(certificate(signer, address=address))]}


WRONG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "a counter in text": ({"crlVersion": "1"}, "crlVersion"),
    "a counter below zero": ({"crlVersion": -1}, "crlVersion"),
    "a counter of true": ({"crlVersion": True}, "crlVersion"),
    "a certificate of another address": (chain(address=OTHER), "another issuer"),
    "a certificate without an address": (chain(address=None), "one address"),
    "a certificate of another key": (chain(STRANGER), "another key"),
    "a certificate that is none": ({"x5c": ["AA=="]}, "x5c"),
    "no base64": ({"x5c": ["!"]}, "x5c"),
    "an empty chain": ({"x5c": []}, "x5c"),
    "a chain of numbers": ({"x5c": [7]}, "x5c"),
    "a chain that is a text": ({"x5c": packed(certificate(CARDS))}, "x5c"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_member_costs_no_key(tmp_path: Path, name: str) -> None:
    """A card of the issuer passes, and the import says what its key is taken without."""
    members, word = WRONG[name]
    found = plan_of(tmp_path, directory(web_key(CARDS, **members)))
    assert (len(found.change.added), found.refused) == (1, ())
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        assert reason(card_text(), trust) is None
        assert reason(card_text(), trust, UNTIL - 1) in (None, Reason.TIME_EXPIRED)
    (lost,) = found.lost
    assert (word in lost.why, lost.issuer) == (True, ISSUER)


def test_members_nobody_knows(tmp_path: Path) -> None:
    """They cost nothing."""
    found = plan_of(tmp_path, directory(web_key(CARDS, ext=True, date="soon", keySize=[256])))
    assert (len(found.change.added), found.refused) == (1, ())


def test_a_certificate_bounds_when_cards_are_issued(tmp_path: Path) -> None:
    """What was issued in its window passes for good; what was issued outside it never does."""
    found = plan_of(tmp_path, directory(web_key(CARDS, **chain())))
    at_first, at_last = AT - DAY, AT + DAY
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        for issued, wanted in (
            (at_first, None),
            (at_last, None),
            (at_first - 1, Reason.TRUST_KEY_EXPIRED),
            (at_last + 1, Reason.TRUST_KEY_EXPIRED),
        ):
            text = card_text(card({"nbf": issued, "exp": None}))
            assert reason(text, trust, AT + 30 * DAY) is wanted


def test_an_issuer_s_own_key_set_stands_by_what_it_publishes(tmp_path: Path) -> None:
    """Its certificate says whose key it is, and no more, at a gate and at a desk."""
    found = plan_of(tmp_path, {"keys": [web_key(CARDS, **chain())]})
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        for issued in (AT - 9 * DAY, AT, AT + 9 * DAY):
            text = card_text(card({"nbf": issued, "exp": None}))
            assert reason(text, trust, AT + 30 * DAY) is None
        other = card_text(card({"iss": OTHER}))
        assert reason(other, trust) is Reason.TRUST_WRONG_ISSUER


def test_the_entry_of_the_card_s_issuer_says_why_not(tmp_path: Path) -> None:
    """Two issuers share a key: one's certificate has ended; the order does not count."""
    rows = (
        *directory(web_key(CARDS, **chain()))["issuerInfo"],
        *directory(web_key(CARDS), issuer=OTHER)["issuerInfo"],
    )
    late = {"nbf": AT + 2 * DAY, "exp": None}
    for order in (rows, rows[::-1]):
        found = plan_of(tmp_path, {"issuerInfo": order})
        trust = at_a_gate(found.change.source)
        for issuer, wanted in ((ISSUER, Reason.TRUST_KEY_EXPIRED), (OTHER, None)):
            text = card_text(card(late | {"iss": issuer}))
            assert reason(text, trust, AT + 3 * DAY) is wanted


def test_an_entry_that_has_ended_says_so(tmp_path: Path) -> None:
    """Beside another issuer's entry of the same key, which goes on."""
    first = plan_of(tmp_path, directory(web_key(CARDS)), until=AT + DAY).change.source
    both = plan_of(tmp_path, directory(web_key(CARDS), issuer=OTHER), source=first)
    trust = at_a_gate(both.change.source)
    cards = {iss: card_text(card({"iss": iss, "exp": None})) for iss in (ISSUER, OTHER, THIRD)}
    found = {issuer: reason(text, trust, AT + 2 * DAY) for issuer, text in cards.items()}
    assert found == {
        ISSUER: Reason.TRUST_KEY_EXPIRED,
        OTHER: None,
        THIRD: Reason.TRUST_WRONG_ISSUER,
    }


def test_a_certificate_that_has_ended_costs_no_key(tmp_path: Path) -> None:
    """It is taken long after, and a card from before is still good."""
    found = plan_of(tmp_path, directory(web_key(CARDS, **chain())), until=AT + 900 * DAY)
    trust = at_a_gate(found.change.source)
    text = card_text(card({"nbf": AT, "exp": None}))
    assert reason(text, trust, AT + 500 * DAY) is None
    assert reason(text, trust, AT + 901 * DAY) is Reason.TRUST_KEY_EXPIRED


def written(signer: SigningKey, **numbers: str) -> tuple[dict[str, Any], str]:
    """Return a JSON Web Key with its coordinates written so, and its thumbprint as it stands."""
    members = jwk(signer) | numbers
    canonical = json.dumps({name: members[name] for name in sorted(members)}, separators=(",", ":"))
    kid = b64(hashlib.sha256(canonical.encode()).digest())
    return {**members, "kid": kid, "use": "sig", "alg": "ES256"}, kid


def spelt(signer: SigningKey, name: str, length: int) -> str:
    """Write a coordinate in so many bytes."""
    point = signer._private.public_key().public_numbers()
    return b64(getattr(point, name).to_bytes(length, "big"))


SPELLINGS: Final[dict[str, tuple[SigningKey, dict[str, str]]]] = {
    "x of 31 bytes": (SHORT["x"], {"x": spelt(SHORT["x"], "x", 31)}),
    "y of 31 bytes": (SHORT["y"], {"y": spelt(SHORT["y"], "y", 31)}),
    "x of 33 bytes": (CARDS, {"x": spelt(CARDS, "x", 33)}),
    "both of 33 bytes": (CARDS, {n: spelt(CARDS, n, 33) for n in "xy"}),
    "x of 31, y of 33": (
        SHORT["x"],
        {"x": spelt(SHORT["x"], "x", 31), "y": spelt(SHORT["x"], "y", 33)},
    ),
    "padded": (CARDS, {"x": jwk(CARDS)["x"] + "="}),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_coordinate_is_a_number(tmp_path: Path, name: str) -> None:
    """Cards are found by the thumbprint as the issuer made it, and by the one of RFC 7638."""
    signer, numbers = SPELLINGS[name]
    key, kid = written(signer, **numbers)
    found = plan_of(tmp_path, directory(key))
    assert found.refused == ()
    assert kid != padded_thumbprint(signer)
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        for named in (kid, padded_thumbprint(signer)):
            head = json.dumps(header(kid=named)).encode()
            assert reason(card_text(head=head, signer=signer.sign), trust) is None
    listed = {"kid": kid, "method": "rid", "ctr": 1, "rids": ["a"]}
    assert plan_of(tmp_path, directory(key), listed).refused == ()


def test_the_import_says_per_issuer_what_is_lost(tmp_path: Path) -> None:
    """Who cannot pass, whose other keys do, and what keys are taken without."""
    data = data_folder.made(tmp_path)
    rows = [
        *directory(web_key(CARDS, crlVersion="1"))["issuerInfo"],
        *directory(web_key(CARDS, use="enc"), issuer=OTHER)["issuerInfo"],
        *directory(issuer="https://silent.example")["issuerInfo"],
        *directory(web_key(CARDS), {"kty": "EC"}, issuer="https://half.example")["issuerInfo"],
    ]
    path = tmp_path / "directory.json"
    path.write_bytes(as_json({"issuerInfo": rows}))
    out = kapok("trust", "import", path, "--data", data).out
    assert f"people with codes of {OTHER} cannot pass" in out
    assert "people with codes of https://silent.example cannot pass" in out
    assert "codes under 1 of the 2 keys of https://half.example do not pass" in out
    assert f"taken without: directory.json issuer 1 key 1 ({ISSUER})" in out


def test_an_issuer_that_was_said_is_not_another_s(tmp_path: Path) -> None:
    """Of a bare key set the certificate is the only word on whose it is; two words are refused."""
    keys = {"keys": [web_key(CARDS, **chain(address=OTHER))]}
    assert len(plan_of(tmp_path, keys, issuer=ISSUER).refused) == 1
    assert plan_of(tmp_path, keys).change.added[0].issuer == OTHER
    spoilt = {"keys": [web_key(CARDS, x5c=["AA=="])]}
    added = plan_of(tmp_path, spoilt, issuer=ISSUER).change.added
    assert [entry.issuer for entry in added] == [ISSUER]
    assert len(plan_of(tmp_path, spoilt).refused) == 1

"""The issuer: what it signs is what a general decoder reads, and nothing more is in it."""

import cbor2
import pytest

from tests.support.city import GROUP_ID, PERSON, City, claims_of
from tests.support.keys import ISSUER, PHONE, PHONE_ED
from verifier.contract.vocabulary import Kind
from verifier.issuing.issuer import Subject


def test_a_credential_as_a_general_decoder_reads_it() -> None:
    """An untagged COSE_Sign1 with the claims of docs/cc1.md, holder key included."""
    city = City(not_before=City().issued_at)
    protected, unprotected, payload, signature = cbor2.loads(city.credential())
    assert cbor2.loads(protected) == {1: -7, 4: ISSUER.kid}
    assert (unprotected, len(signature)) == ({}, 64)
    assert cbor2.loads(payload) == {
        1: "440100",
        4: city.expires,
        5: city.issued_at,
        6: city.issued_at,
        8: {1: PHONE.confirmation},
        -70001: {1: 1, 2: [1, 77, 501], 3: PERSON.sectors},
    }


def test_an_ed25519_holder() -> None:
    """An OKP key: kty 1, crv 6, 32 bytes."""
    claims = cbor2.loads(claims_of(City(phone=PHONE_ED).credential()))
    assert claims[8] == {1: PHONE_ED.confirmation}
    assert set(PHONE_ED.confirmation) == {1, -1, -2}


@pytest.mark.parametrize("packed", [None, b"\x01"])
def test_a_group(packed: bytes | None) -> None:
    """List and credential index, group id, roster version, count, and members if carried."""
    subject = Subject(
        kind=Kind.GROUP, list=1, credential=9, group=GROUP_ID, roster_version=2, members=1,
        packed_members=packed,
    )  # fmt: skip
    claims = cbor2.loads(claims_of(City(subject=subject).credential()))
    group = {1: GROUP_ID, 2: 2, 3: 1} | ({} if packed is None else {4: packed})
    assert claims[-70001] == {1: 2, 2: [1, 9], 4: group}


def test_signing_again_gives_the_same_bytes() -> None:
    """Fixed keys and times make fixed vectors."""
    assert City().text() == City().text()
    assert City(phone=None).text() != City().text()

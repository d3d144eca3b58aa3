"""CC1: the closed grammar of envelopes, claims and proofs, and the bytes it costs."""

import time

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.city import CTI, GROUP_ID, PERSON, City
from tests.support.faults import (
    BOMB_BYTES,
    IN_CLAIMS,
    IN_PROOF,
    IN_STATIC_BYTES,
    UNSUPPORTED,
    WELL_SAID,
    bomb,
    static_bytes,
    with_algorithm,
)
from tests.support.keys import PHONE, PHONE_ED
from tests.support.publisher import NOW
from verifier.codes import city
from verifier.contract.cbor import encode
from verifier.contract.envelope import byte_string_head
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Kind
from verifier.encoding import base45
from verifier.encoding.dates import MAX_SECONDS
from verifier.errors import Refusal
from verifier.groups.roster import pack_members
from verifier.issuing.holder import sign_presentation
from verifier.issuing.issuer import Subject

BOMB_DEADLINE_S = 0.05
"""Wide: the answer takes some microseconds; a decoder that bites takes minutes and gigabytes."""
LARGEST_PERSON = Subject(
    kind=Kind.PERSONAL,
    list=1,
    person=18_699_999,
    credential=(1 << 32) - 1,
    sectors={1: 0, 2: 1, 3: 2, 4: 3},
)
UINT64 = st.integers(0, (1 << 64) - 1)


def text_of(data: bytes) -> str:
    """Write bytes as the text of a code."""
    return "CC1:" + base45.encode(data)


def answer_to(data: bytes) -> Reason | None:
    """Return what the decoder refuses bytes for, or None where it takes them."""
    try:
        city.decode(text_of(data))
    except Refusal as refusal:
        return refusal.reason
    return None


def refusal_of(data: bytes) -> Reason:
    """Return what the decoder refuses bytes for."""
    reason = answer_to(data)
    assert reason is not None
    return reason


@pytest.mark.parametrize("name", IN_STATIC_BYTES)
def test_envelopes_that_depart_from_the_template(name: str) -> None:
    """One byte string, one reading: everything else is malformed."""
    assert refusal_of(IN_STATIC_BYTES[name](static_bytes(City()))) is Reason.CODE_MALFORMED


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_other_algorithms_are_named_as_such(name: str) -> None:
    """A well-written header with an algorithm that CC1 does not have, alone or inside a proof."""
    step = with_algorithm(UNSUPPORTED[name])
    assert refusal_of(step(static_bytes(City()))) is Reason.CODE_UNSUPPORTED_ALG
    proof = encode({6: NOW, 7: CTI})
    inner = step(b"\xd2" + City().credential())[1:]
    assert refusal_of(sign_presentation(inner, proof, key=PHONE)) is Reason.CODE_UNSUPPORTED_ALG
    protected = b"\xa2\x01" + UNSUPPORTED[name] + b"\x0d" + City().credential()
    outer = b"\xd2\x84" + byte_string_head(len(protected)) + protected
    outer += b"\xa0" + byte_string_head(len(proof)) + proof + b"\x58\x40" + bytes(64)
    assert refusal_of(outer) is Reason.CODE_UNSUPPORTED_ALG


@pytest.mark.parametrize(
    "code",
    [
        b"\xd2\x84\x4d\xa2\x01\x38\x22\x04\x48" + bytes(150),
        b"\xd2\x84\x4e\xa2\x01\x05\x04\x48" + bytes(150),
        b"\xd2\x84\x4d\xa2\x01\x05\x04\x48" + bytes(7),
    ],
    ids=["shorter than its header", "longer", "half a kid"],
)
def test_another_algorithm_in_a_header_that_does_not_hold(code: bytes) -> None:
    """Is no well-written code of another algorithm."""
    assert refusal_of(code) is Reason.CODE_MALFORMED


@pytest.mark.parametrize("name", IN_CLAIMS)
def test_claims_that_break_the_grammar(name: str) -> None:
    """Each wrong step alone makes the claims malformed."""
    with pytest.raises(MalformedError):
        city.read_claims(IN_CLAIMS[name](WELL_SAID))


@pytest.mark.parametrize("name", IN_PROOF)
def test_proofs_that_break_the_grammar(name: str) -> None:
    """The decoder refuses them before any key is looked for."""
    assert refusal_of(City(edit_proof=IN_PROOF[name]).presentation()) is Reason.CODE_MALFORMED


def test_the_bomb_goes_off_nowhere() -> None:
    """269 bytes of shared references: as the code, its claims, its proof: refused at once."""
    assert len(bomb()) == BOMB_BYTES
    texts = [
        text_of(bomb()),
        City(phone=None, edit_claims=lambda _: bomb()).text(),
        City(edit_proof=lambda _: bomb()).text(),
    ]
    judged = City()
    judged.known()
    began = time.perf_counter()
    reasons = [judged.judge(text).reason for text in texts]
    spent = time.perf_counter() - began
    assert reasons == [Reason.CODE_MALFORMED] * 3
    assert spent < BOMB_DEADLINE_S


@given(st.binary(max_size=400))
def test_any_bytes_are_taken_apart_or_refused(data: bytes) -> None:
    """Nothing else comes out of the decoder than its answer and its refusal."""
    for prefix in (b"", b"\xd2\x84", b"\xd2\x84\x4d\xa2\x01\x26\x04\x48", b"\xd2\x84\x59\x00"):
        assert answer_to(prefix + data) in (
            None,
            Reason.CODE_MALFORMED,
            Reason.CODE_UNSUPPORTED_ALG,
        )


@given(st.data())
def test_edited_claims_are_read_as_a_general_decoder_would_or_refused(data: st.DataObject) -> None:
    """Cut a stretch, put in another: what is still taken is deterministic CBOR, read the same."""
    start = data.draw(st.integers(0, len(WELL_SAID)))
    end = data.draw(st.integers(start, min(start + 4, len(WELL_SAID))))
    edited = WELL_SAID[:start] + data.draw(st.binary(max_size=4)) + WELL_SAID[end:]
    try:
        claims = city.read_claims(edited)
    except MalformedError:
        return
    other = cbor2.loads(edited)
    assert encode(other) == edited
    inner = other[-70001]
    assert (claims.issuer, claims.expires, claims.issued_at) == (other[1], other[4], other[6])
    assert [claims.list, claims.person, claims.credential] == inner[2]
    assert claims.sectors == inner.get(3)


@given(
    issued=UINT64,
    expires=st.integers(0, MAX_SECONDS),
    starts=st.none() | UINT64,
    indices=st.tuples(UINT64, UINT64, UINT64),
    sectors=st.none() | st.dictionaries(st.integers(1, 1 << 40), UINT64, min_size=1, max_size=23),
    phone=st.sampled_from([None, PHONE, PHONE_ED]),
)
def test_what_an_issuer_says_is_what_is_read(
    issued: int,
    expires: int,
    starts: int | None,
    indices: tuple[int, int, int],
    sectors: dict[int, int] | None,
    phone: object,
) -> None:
    """Every value of every width comes out as it went in."""
    subject = Subject(
        kind=Kind.PERSONAL, list=indices[0], person=indices[1], credential=indices[2],
        sectors=sectors,
    )  # fmt: skip
    made = City(
        issued_at=issued,
        expires=expires,
        not_before=starts,
        subject=subject,
        phone=phone,  # type: ignore[arg-type]
    ).credential()
    claims = city.decode(text_of(b"\xd2" + made)).claims()
    assert (claims.issued_at, claims.expires, claims.not_before) == (issued, expires, starts)
    assert (claims.list, claims.person, claims.credential) == indices
    assert claims.sectors == sectors
    assert (claims.holder is None) == (phone is None)
    assert claims.group is None


@given(
    persons=st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=64, unique=True).map(
        sorted
    ),
    version=UINT64,
)
def test_groups_are_read_as_said(persons: list[int], version: int) -> None:
    """A group with carried members, of every width."""
    subject = Subject(
        kind=Kind.GROUP, list=1, credential=9, group=GROUP_ID, roster_version=version,
        members=len(persons), packed_members=pack_members(persons),
    )  # fmt: skip
    claims = city.decode(text_of(b"\xd2" + City(subject=subject).credential())).claims()
    assert claims.group is not None
    assert (claims.kind, claims.person, claims.credential) == (Kind.GROUP, None, 9)
    assert claims.group.packed == pack_members(persons)
    assert (claims.group.group, claims.group.roster_version) == (GROUP_ID, version)
    assert claims.group.members == len(persons)


@given(at=UINT64, audience=st.none() | st.text(min_size=1, max_size=55))
def test_proofs_are_read_as_signed(at: int, audience: str | None) -> None:
    """Time and audience come out as the phone put them in."""
    code = city.decode(City(shown_at=at, audience=audience).text())
    assert code.proof is not None
    assert (code.proof.issued_at, code.proof.audience) == (at, audience)


def test_the_same_credential_has_the_same_identity_alone_and_shown() -> None:
    """The memory of verified credentials hangs on it, and no signature of the phone is in it."""
    shown = city.decode(City().text())
    later = city.decode(City(shown_at=NOW + 5).text())
    assert shown.identity == later.identity
    kept = city.decode(text_of(b"\xd2" + City().credential()))
    assert kept.identity == shown.identity


def test_sizes() -> None:
    """A personal presentation with four sectors and the largest indices, and a static one."""
    person = City(subject=LARGEST_PERSON)
    assert len(person.presentation()) <= 276
    assert len(static_bytes(person)) <= 140
    assert len(person.text()) <= 419, "QR version 12 at M holds 419 characters"
    assert len(person.at(phone=None).text()) <= 221, "QR version 8 at M holds 221 characters"
    spread = [n * 67_000_000 for n in range(64)]
    group = Subject(
        kind=Kind.GROUP, list=1, credential=(1 << 32) - 1, group=GROUP_ID, roster_version=1 << 16,
        members=64, packed_members=pack_members(spread),
    )  # fmt: skip
    assert len(City(subject=group).text()) < 900 < city.MAX_TEXT


def test_the_smallest_proof_is_thirteen_bytes() -> None:
    """Size is a feature: {6: iat, 7: cti} and nothing else."""
    code = city.decode(City(subject=PERSON).text())
    assert code.proof is not None
    assert code.proof.payload == encode({6: NOW - 2, 7: CTI})
    assert len(code.proof.payload) == 13

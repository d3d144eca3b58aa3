"""The envelope of signed documents: one template, and nothing beside it."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.keys import BUNDLE, ISSUER_ED
from verifier.contract.envelope import (
    MAX_ENVELOPE_BYTES,
    Algorithm,
    SignedUse,
    byte_string_head,
    protected_header,
    seal,
    split_sequence,
    take_apart,
    to_be_signed,
)
from verifier.contract.errors import MalformedError


def sealed(payload: bytes, use: SignedUse = SignedUse.BUNDLE) -> bytes:
    """Seal a payload with the bundle key."""
    return seal(use, payload, kid=BUNDLE.kid, algorithm=BUNDLE.algorithm, sign=BUNDLE.sign)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65_535, 65_536, 100_000])
def test_round_trip_at_every_width_of_a_length(size: int) -> None:
    """What is sealed is taken apart into what went in."""
    payload = bytes(size)
    envelope = take_apart(sealed(payload))
    assert (envelope.payload, envelope.kid) == (payload, BUNDLE.kid)
    assert envelope.algorithm == Algorithm.ES256


def test_a_general_decoder_reads_the_same() -> None:
    """Tag 18, four members, an empty unprotected header (RFC 9052 section 4.2)."""
    tagged = cbor2.loads(sealed(b"payload"))
    assert tagged.tag == 18
    protected, unprotected, payload, signature = tagged.value
    assert cbor2.loads(protected) == {1: -7, 4: BUNDLE.kid}
    assert (unprotected, payload, len(signature)) == ({}, b"payload", 64)


@given(st.binary(max_size=300), st.sampled_from(list(SignedUse)))
def test_what_is_signed_is_the_sig_structure(payload: bytes, use: SignedUse) -> None:
    """RFC 9052 section 4.4: ["Signature1", protected, external_aad, payload]."""
    protected = protected_header(Algorithm.ES256, BUNDLE.kid)
    structure = ["Signature1", protected, use.value.encode(), payload]
    assert to_be_signed(use, protected, payload) == cbor2.dumps(structure)


def test_each_use_signs_other_bytes() -> None:
    """A key of one use cannot sign for another."""
    signed = {to_be_signed(use, b"", b"") for use in SignedUse}
    assert len(signed) == len(SignedUse)


WHOLE = sealed(b"0123456789")
REFUSED = {
    "nothing": b"",
    "no tag": WHOLE[1:],
    "another tag": b"\xd1" + WHOLE[1:],
    "the tag in a longer form": b"\xd8\x12" + WHOLE[1:],
    "five members": b"\xd2\x85" + WHOLE[2:] + b"\xf6",
    "an array of indefinite length": b"\xd2\x9f" + WHOLE[2:] + b"\xff",
    "an algorithm we do not seal with": WHOLE[:5] + b"\x25" + WHOLE[6:],
    "something in the unprotected header": WHOLE[:16] + b"\xa1\x01\x26" + WHOLE[17:],
    "a payload head longer than needed": WHOLE[:17] + b"\x58\x0a" + WHOLE[18:],
    "a payload that is null": WHOLE[:17] + b"\xf6" + WHOLE[-66:],
    "a signature of 63": WHOLE[:-66] + b"\x58\x3f" + WHOLE[-63:],
    "a byte after it": WHOLE + b"\x00",
    "twice": WHOLE + WHOLE,
    "a payload of 4 GiB": WHOLE[:17] + b"\x5a\xff\xff\xff\xff" + WHOLE[18:],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """Anything beside the template."""
    with pytest.raises(MalformedError):
        take_apart(REFUSED[name])


def test_every_cut_is_refused() -> None:
    """An envelope cut after any byte is none."""
    for end in range(len(WHOLE)):
        with pytest.raises(MalformedError):
            take_apart(WHOLE[:end])


@given(st.binary(max_size=200))
def test_any_bytes_are_an_envelope_or_refused(data: bytes) -> None:
    """What is taken apart can be put together again to the same bytes."""
    for tried in (data, WHOLE[:17] + data):
        try:
            envelope = take_apart(tried)
        except MalformedError:
            continue
        again = b"\xd2\x84\x4d" + envelope.protected + b"\xa0"
        again += byte_string_head(len(envelope.payload)) + envelope.payload
        assert again + b"\x58\x40" + envelope.signature == tried


def test_bounds() -> None:
    """Longer than any document, a kid of another length, a signature of another length."""
    with pytest.raises(MalformedError):
        take_apart(bytes(MAX_ENVELOPE_BYTES + 1))
    with pytest.raises(MalformedError):
        protected_header(Algorithm.ES256, b"seven..")
    with pytest.raises(MalformedError):
        seal(SignedUse.BUNDLE, b"", kid=bytes(8), algorithm=Algorithm.ES256, sign=lambda _: b"")


def test_ed25519_seals_too() -> None:
    """The algorithm's one byte is 0x27."""
    made = seal(
        SignedUse.STATUS, b"x", kid=ISSUER_ED.kid, algorithm=ISSUER_ED.algorithm,
        sign=ISSUER_ED.sign,
    )  # fmt: skip
    assert take_apart(made).algorithm == Algorithm.EDDSA


@pytest.mark.parametrize("count", [0, 1, 2, 64])
def test_a_sequence_is_split_as_it_stands(count: int) -> None:
    """Envelopes one after another, of every length of payload."""
    parts = [sealed(bytes(length * 97)) for length in range(count)]
    assert split_sequence(b"".join(parts), most=64) == tuple(parts)


def test_a_sequence_of_anything_else_is_refused() -> None:
    """Cut short, followed by a byte, or longer than agreed."""
    one = sealed(b"x")
    for wrong in (one[:-1], one + b"\x00", b"\x00" + one, one * 3, b"x"):
        with pytest.raises(MalformedError):
            split_sequence(wrong, most=2)

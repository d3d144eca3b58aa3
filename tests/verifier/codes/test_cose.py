"""Foreign envelopes: tags, headers and heads that are taken, and all that is refused."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import rawcbor as raw
from tests.support.health import COUNTRY, claims, cose, protected
from verifier.codes.cose import take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.trust.keys import load_spki

ENVELOPES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "tag 17": lambda d: b"\xd1" + d[1:],
    "tag 61 alone": lambda d: b"\xd8\x3d" + d[1:],
    "tag 18 in two bytes": lambda d: b"\xd8\x12" + d[1:],
    "tagged twice": lambda d: b"\xd2" + d,
    "an array of three": lambda d: d.replace(b"\xd2\x84", b"\xd2\x83", 1),
    "an array of five": lambda d: d.replace(b"\xd2\x84", b"\xd2\x85", 1),
    "an indefinite array": lambda d: d.replace(b"\xd2\x84", b"\xd2\x9f", 1) + b"\xff",
    "a byte after the end": lambda d: d + b"\0",
    "no payload": lambda d: d[: d.index(b"\xa0") + 1] + b"\xf6" + d[-66:],
    "a text for the header": lambda d: d[:2] + bytes((d[2] + 0x20,)) + d[3:],
    "an over-long head": lambda d: d[:2] + b"\x58" + bytes((d[2] & 31,)) + d[3:],
}

HEADERS: Final[Mapping[str, bytes]] = {
    "alg twice": raw.mapping([(raw.integer(1), raw.integer(-7))] * 2),
    "critical": raw.mapping(
        [(raw.integer(1), raw.integer(-7)), (raw.integer(2), raw.array([raw.integer(9)]))]
    ),
    "kid as text": raw.mapping(
        [(raw.integer(1), raw.integer(-7)), (raw.integer(4), raw.text("8 bytes."))]
    ),
    "a tag": raw.mapping([(raw.integer(1), raw.integer(-7)), (raw.integer(5), b"\xd8\xf4\x01")]),
    "a float": raw.mapping([(raw.integer(1), b"\xf9\xc7\x00")]),
    "an array": raw.array([raw.integer(1), raw.integer(-7)]),
    "a label that is bytes": raw.mapping([(raw.data(b"1"), raw.integer(-7))]),
    "a byte too many": protected() + b"\0",
    "deep": raw.mapping([(raw.integer(9), b"\x81" * 9 + b"\0")]),
    "wide": raw.mapping([(raw.integer(9), raw.array([b"\0"] * 70))]),
    "a count beyond the end": raw.mapping([(raw.integer(9), b"\x9a\xff\xff\xff\xff")]),
    "a length beyond the end": raw.mapping([(raw.integer(9), b"\x5a\xff\xff\xff\xff")]),
    "an over-long label": raw.mapping([(b"\x18\x01", raw.integer(-7))]),
}


@pytest.mark.parametrize("tags", [b"\xd2", b"", b"\xd8\x3d\xd2"])
def test_what_an_envelope_holds(tags: bytes) -> None:
    """Tag 18, none, or 61 around 18: the parts, and the bytes that were signed."""
    parts = take_apart(cose(claims(), tags=tags))
    assert (parts.algorithm, parts.kid, parts.payload) == (-7, COUNTRY.kid, claims())
    message = to_be_signed(parts.protected, parts.payload)
    assert load_spki(COUNTRY.spki)[1].verify(message, parts.signature)


def test_where_alg_and_kid_count() -> None:
    """Alg only where it is signed; the protected kid before the other; neither is needed here."""
    unsigned = raw.mapping(
        [(raw.integer(1), raw.integer(-7)), (raw.integer(4), raw.data(b"other"))]
    )
    both = take_apart(cose(b"", unprotected=unsigned))
    assert (both.algorithm, both.kid) == (-7, COUNTRY.kid)
    for header in (b"", b"\xa0"):
        alone = take_apart(cose(b"", header=header, unprotected=unsigned))
        assert (alone.algorithm, alone.kid) == (None, b"other")
        assert take_apart(cose(b"", header=header)).kid == b""


@pytest.mark.parametrize("name", ENVELOPES)
def test_envelopes_that_are_none(name: str) -> None:
    """One step on the bytes of a good one."""
    with pytest.raises(MalformedError):
        take_apart(ENVELOPES[name](cose(claims())))


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_are_none(name: str) -> None:
    """In either place, whatever the signature says; `crit` is read only where it is signed."""
    with pytest.raises(MalformedError):
        take_apart(cose(b"", header=HEADERS[name]))
    if name not in {"critical", "a byte too many"}:
        with pytest.raises(MalformedError):
            take_apart(cose(b"", header=protected(None), unprotected=HEADERS[name]))


def test_every_cut_is_refused() -> None:
    """Cut after every byte."""
    whole = cose(claims())
    for end in range(len(whole)):
        with pytest.raises(MalformedError):
            take_apart(whole[:end])


@given(st.binary(max_size=80))
def test_whatever_bytes_are_parts_or_malformed(data: bytes) -> None:
    """Alone, as the protected header and as the unprotected one."""
    for tried in (data, cose(b"", header=data), cose(b"", unprotected=data)):
        try:
            parts = take_apart(tried)
        except MalformedError:
            continue
        assert len(parts.signature) < len(tried)

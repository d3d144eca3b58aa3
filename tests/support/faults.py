"""Faulty issuers and phones: each takes one wrong step, everything else is right and signed.

Three tables: steps on the claims before the issuer signs them, steps on the proof before the phone
signs it, and steps on the finished bytes. Every entry says in a line what is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Final

from tests.support import rawcbor as raw
from tests.support.city import City
from tests.support.keys import PHONE
from tests.support.rawcbor import data, head, integer, mapping, text

Step = Callable[[bytes], bytes]
Pair = tuple[bytes, bytes]

_PRIVATE: Final = integer(-70001)
_X: Final = bytes(PHONE.confirmation[-2])
_ODD: Final = raw.TRUE if PHONE.confirmation[-3] else raw.FALSE
_COSE_KEY: Final[Mapping[int, bytes]] = {
    1: integer(2),
    -1: integer(1),
    -2: data(_X),
    -3: _ODD,
}
_INNER: Final[Mapping[int, bytes]] = {
    1: integer(1),
    2: raw.array((integer(1), integer(77), integer(501))),
    3: mapping(((integer(1), integer(0)), (integer(2), integer(1)))),
}
_OUTER: Final[Mapping[int, bytes]] = {
    1: text("440100"),
    4: integer(1_792_592_000),
    6: integer(1_789_996_400),
}
NOT_ON_P256: Final = (1).to_bytes(32, "big")
"""No y of the curve goes with x = 1."""
BOMB_BYTES: Final = 269
BOMB_LEVELS: Final = 27
"""Each level doubles what re-encoding writes."""


def _pairs(values: Mapping[int, bytes]) -> list[Pair]:
    return [(integer(label), value) for label, value in values.items()]


def _key(**changes: bytes) -> bytes:
    names = {"kty": 1, "crv": -1, "x": -2, "odd": -3}
    return mapping(_pairs(dict(_COSE_KEY) | {names[n]: value for n, value in changes.items()}))


def _outer(
    changes: Mapping[int, bytes] | None = None,
    *,
    without: tuple[int, ...] = (),
    inner: bytes | None = None,
    cnf: bytes | None = None,
) -> list[Pair]:
    values = dict(_OUTER) | dict(changes or {})
    pairs = [(integer(label), value) for label, value in values.items() if label not in without]
    if 8 not in without:
        pairs.append((integer(8), cnf or mapping([(integer(1), _key())])))
    if -70001 not in without:
        pairs.append((_PRIVATE, inner or mapping(_pairs(_INNER))))
    return pairs


def _said(pairs: list[Pair]) -> Step:
    return lambda _: mapping(pairs)


def _inner(changes: Mapping[int, bytes], *, without: tuple[int, ...] = ()) -> Step:
    values = dict(_INNER) | dict(changes)
    kept = {label: value for label, value in values.items() if label not in without}
    return _said(_outer(inner=mapping(_pairs(kept))))


def _swapped(pairs: list[Pair], a: int, b: int) -> list[Pair]:
    turned = list(pairs)
    turned[a], turned[b] = turned[b], turned[a]
    return turned


def _indices(*values: bytes) -> Step:
    return _inner({2: raw.array(values)})


def _sectors(*pairs: tuple[int, int]) -> Step:
    return _inner({3: mapping((integer(a), integer(b)) for a, b in pairs)})


def _cnf(key: bytes) -> Step:
    return _said(_outer(cnf=mapping([(integer(1), key)])))


_GROUP: Final[Mapping[int, bytes]] = {
    1: data(bytes(8)),
    2: integer(1),
    3: integer(2),
    4: data(b"\x01\x01"),
}


def _group(changes: Mapping[int, bytes], *, without: tuple[int, ...] = (), kind: int = 2) -> Step:
    values = {k: v for k, v in (dict(_GROUP) | dict(changes)).items() if k not in without}
    inner: list[Pair] = [
        (integer(1), integer(kind)),
        (integer(2), raw.array((integer(1), integer(501)))),
        (integer(4), mapping(_pairs(values))),
    ]
    return _said(_outer(inner=mapping(inner)))


WELL_SAID: Final = mapping(_outer())
"""The claims that every step below departs from; they are good."""

IN_CLAIMS: Final[Mapping[str, Step]] = {
    "a byte after the claims": lambda claims: claims + b"\x00",
    "claims cut short": lambda claims: claims[:-1],
    "no claims at all": lambda _: b"",
    "claims that are an array": lambda _: raw.array((text("440100"),)),
    "a tag around the claims": lambda claims: head(raw.TAG, 55_799) + claims,
    "a map of indefinite length": lambda c: raw.indefinite(raw.MAP) + c[1:] + raw.BREAK,
    "a map head longer than needed": lambda c: b"\xb8" + bytes((c[0] & 31,)) + c[1:],
    "a map that states one claim more": lambda c: bytes((c[0] + 1,)) + c[1:],
    "a map that states one claim less": lambda c: bytes((c[0] - 1,)) + c[1:],
    "shared references, tags 28 and 29": lambda _: bomb(),
    "issuer of five digits": _said(_outer({1: text("44010")})),
    "issuer with a letter": _said(_outer({1: text("44010A")})),
    "issuer in full-width digits": _said(_outer({1: text("４４")})),
    "issuer as bytes": _said(_outer({1: data(b"440100")})),
    "issuer of indefinite length": _said(_outer({1: b"\x7f" + text("440100") + raw.BREAK})),
    "issuer with a longer head": _said(_outer({1: text("440100", width=1)})),
    "issuer missing": _said(_outer(without=(1,))),
    "exp missing": _said(_outer(without=(4,))),
    "iat missing": _said(_outer(without=(6,))),
    "exp in a longer form": _said(_outer({4: integer(1_792_592_000, width=8)})),
    "exp in milliseconds": _said(_outer({4: integer(1_792_592_000_000)})),
    "exp past the year 9999": _said(_outer({4: integer(253_402_300_800)})),
    "exp negative": _said(_outer({4: integer(-1)})),
    "exp a float": _said(_outer({4: bytes.fromhex("fb41dab6360000000000")[:9]})),
    "exp a half float": _said(_outer({4: bytes.fromhex("f97bff")})),
    "exp true": _said(_outer({4: raw.TRUE})),
    "exp null": _said(_outer({4: raw.NULL})),
    "exp a text": _said(_outer({4: text("1792592000")})),
    "exp tagged as a time": _said(_outer({4: head(raw.TAG, 1) + integer(1_792_592_000)})),
    "exp a big number": _said(_outer({4: head(raw.TAG, 2) + data(b"\x6a\xd8\xa8\x00")})),
    "iat true": _said(_outer({6: raw.TRUE})),
    "a claim twice": lambda _: mapping([*_outer()[:2], *_outer()[1:]]),
    "claims out of order": lambda _: mapping(_swapped(_outer(), 1, 2)),
    "private claim before cnf": lambda _: mapping(_swapped(_outer(), 3, 4)),
    "a claim key in a longer form": lambda _: mapping(
        [(integer(1, width=1), text("440100")), *_outer()[1:]]
    ),
    "a claim we do not know": lambda _: mapping(
        [*_outer()[:3], (integer(7), data(b"1234")), *_outer()[3:]]
    ),
    "a claim under a text key": lambda _: mapping([*_outer(), (text("x"), integer(1))]),
    "private claim missing": _said(_outer(without=(-70001,))),
    "private claim an array": _said(_outer(inner=raw.array((integer(1),)))),
    "kind 0": _inner({1: integer(0)}),
    "kind 3": _inner({1: integer(3)}),
    "kind true for one": _inner({1: raw.TRUE}),
    "kind in a longer form": _inner({1: integer(1, width=1)}),
    "kind missing": _inner({}, without=(1,)),
    "status missing": _inner({}, without=(2,)),
    "a person with two numbers": _indices(integer(1), integer(77)),
    "a person with four numbers": _indices(integer(1), integer(77), integer(501), integer(0)),
    "a negative index": _indices(integer(1), integer(-1), integer(501)),
    "an index true": _indices(integer(1), raw.TRUE, integer(501)),
    "an index in a longer form": _indices(integer(1), integer(77, width=2), integer(501)),
    "an array of indefinite length": _inner({2: b"\x9f\x01\x18\x4d\x19\x01\xf5\xff"}),
    "sectors empty": _sectors(),
    "sectors out of order": _sectors((2, 0), (1, 0)),
    "a sector twice": _sectors((1, 0), (1, 1)),
    "sector zero": _sectors((0, 0), (1, 0)),
    "a class that is negative": _sectors((1, -1)),
    "sectors that state one more": _inner({3: b"\xa2\x01\x00"}),
    "sectors as null": _inner({3: raw.NULL}),
    "an inner claim we do not know": _inner({5: integer(1)}),
    "a group in a personal code": _inner({4: mapping(_pairs(_GROUP))}),
    "a holder key of another curve": _cnf(_key(crv=integer(2))),
    "a holder key of another type": _cnf(_key(kty=integer(3))),
    "a holder key of 31 bytes": _cnf(_key(x=data(_X[:31]))),
    "a holder key of 33 bytes": _cnf(_key(x=data(_X + b"\x00"))),
    "a holder key that is no point": _cnf(_key(x=data(NOT_ON_P256))),
    "a holder key with y in full": _cnf(_key(odd=data(_X))),
    "a holder key with y null": _cnf(_key(odd=raw.NULL)),
    "a holder key with y as a number": _cnf(_key(odd=integer(1))),
    "a holder key with one member more": _cnf(
        mapping([(integer(1), integer(2)), (integer(2), data(b"k")), *_pairs(_COSE_KEY)[1:]])
    ),
    "a holder key out of order": _cnf(mapping(_swapped(_pairs(_COSE_KEY), 2, 3))),
    "a confirmation by key id": _said(_outer(cnf=mapping([(integer(3), data(b"k"))]))),
    "a confirmation that is empty": _said(_outer(cnf=mapping([]))),
    "an Ed25519 key of 31 bytes": _cnf(b"\xa3\x01\x01\x20\x06\x21" + data(_X[:31])),
    "an Ed25519 key of another curve": _cnf(b"\xa3\x01\x01\x20\x07\x21" + data(_X)),
    "a group id of seven bytes": _group({1: data(bytes(7))}),
    "a group without a count": _group({}, without=(3,)),
    "a group without a roster version": _group({}, without=(2,)),
    "a group of a personal kind": _group({}, kind=1),
    "members as a text": _group({4: text("\x01\x01")}),
    "members of another length than stated": _group({4: b"\x44\x01\x01"}),
    "members in an array": _group({4: raw.array((integer(1), integer(3)))}),
    "a group member we do not know": _group({5: integer(1)}),
}
"""Signed by the right issuer and shown by the right phone; each is code.malformed."""

IN_PROOF: Final[Mapping[str, Step]] = {
    "no proof payload": lambda _: b"",
    "a proof without iat": lambda _: mapping([(integer(7), data(b"abcd"))]),
    "a proof without cti": lambda _: mapping([(integer(6), integer(1_790_000_000))]),
    "a cti of three bytes": lambda p: p[:-5] + data(b"abc"),
    "a cti of five bytes": lambda p: p[:-5] + data(b"abcde"),
    "a cti that is a text": lambda p: p[:-5] + text("abcd"),
    "a proof out of order": lambda p: p[:1] + p[-6:] + p[1:-6],
    "a proof that states one member more": lambda p: b"\xa3" + p[1:],
    "a proof with a byte after it": lambda p: p + b"\x00",
    "a proof of indefinite length": lambda p: b"\xbf" + p[1:] + raw.BREAK,
    "a proof time in a longer form": lambda p: mapping(
        [(integer(6), integer(1_790_000_000, width=8)), (integer(7), p[-5:])]
    ),
    "a proof time that is a float": lambda p: b"\xa2\x06\xfa\x4e\xd5\x6f\x00\x07" + p[-5:],
    "a proof time that is true": lambda p: b"\xa2\x06\xf5\x07" + p[-5:],
    "a proof time that is negative": lambda p: b"\xa2\x06\x20\x07" + p[-5:],
    "an audience that is empty": lambda p: b"\xa3\x03\x60" + p[1:],
    "an audience as bytes": lambda p: b"\xa3\x03\x44abcd" + p[1:],
    "an audience that is not UTF-8": lambda p: b"\xa3\x03\x62\xc3\x28" + p[1:],
    "an audience with a longer head": lambda p: b"\xa3\x03\x78\x04abcd" + p[1:],
    "an audience past the end": lambda p: b"\xa3\x03\x77abcd" + p[1:],
    "a proof past 255 bytes": lambda p: b"\xa3\x03\x79\x01\x00" + b"a" * 256 + p[1:],
    "a member of the proof we do not know": lambda p: b"\xa3" + p[1:] + b"\x08\x00",
}
"""Signed by the right phone; each is code.malformed."""

_TAGGED_CREDENTIAL: Final = b"\xd2"

IN_STATIC_BYTES: Final[Mapping[str, Step]] = {
    "nothing after the prefix": lambda _: b"",
    "a byte after the end": lambda code: code + b"\x00",
    "a byte too few": lambda code: code[:-1],
    "no tag": lambda code: code[1:],
    "the tag of COSE_Mac0": lambda code: b"\xd1" + code[1:],
    "the tag in a longer form": lambda code: b"\xd8\x12" + code[1:],
    "the tag twice": lambda code: b"\xd2" + code,
    "the tag of a CWT before it": lambda code: b"\xd8\x3d" + code,
    "an array of three": lambda code: b"\xd2\x83" + code[2:],
    "an array of five": lambda code: b"\xd2\x85" + code[2:] + raw.NULL,
    "an array of indefinite length": lambda code: b"\xd2\x9f" + code[2:] + raw.BREAK,
    "a protected header with a longer head": lambda code: code[:2] + b"\x58\x0d" + code[3:],
    "a protected header that is a map": lambda code: code[:2] + code[3:],
    "a protected header that is empty": lambda code: code[:2] + b"\x40" + code[16:],
    "kid before alg": lambda code: code[:3] + b"\xa2" + code[6:16] + code[4:6] + code[16:],
    "alg only in the unprotected header": lambda code: (
        code[:2] + b"\x4b\xa1" + code[6:16] + b"\xa1\x01\x26" + code[17:]
    ),
    "alg in both headers": lambda code: code[:16] + b"\xa1\x01\x26" + code[17:],
    "kid only in the unprotected header": lambda code: (
        code[:2] + b"\x43\xa1\x01\x26" + b"\xa1" + code[6:16] + code[17:]
    ),
    "alg as a text": lambda code: code[:2] + b"\x52\xa2\x01\x65ES256" + code[6:16] + code[16:],
    "alg in a longer form": lambda code: code[:2] + b"\x4e\xa2\x01\x38\x06" + code[6:],
    "a kid of seven bytes": lambda code: (
        code[:2] + b"\x4c" + code[3:7] + b"\x47" + code[8:15] + code[16:]
    ),
    "a third member of the protected header": lambda code: (
        code[:2] + b"\x4f\xa3" + code[4:16] + b"\x05\x00" + code[16:]
    ),
    "a payload that is absent": lambda code: code[:17] + raw.NULL + code[-66:],
    "a payload with a longer head": lambda code: code[:17] + b"\x59\x00" + code[18:],
    "a signature of 63 bytes": lambda code: code[:-66] + data(code[-64:-1]),
    "a signature of 65 bytes": lambda code: code[:-66] + data(code[-64:] + b"\x00"),
    "a signature with a longer head": lambda code: code[:-66] + b"\x59\x00\x40" + code[-64:],
    "a signature as a text": lambda code: code[:-66] + b"\x78\x40" + b"a" * 64,
}
"""A static code whose envelope departs from the template; each is code.malformed."""

UNSUPPORTED: Final[Mapping[str, bytes]] = {
    "PS256": integer(-37),
    "ES384": integer(-35),
    "ES512": integer(-36),
    "RS256": integer(-257),
    "HMAC 256": integer(5),
    "SM2 with SM3": integer(-70002),
    "an algorithm nobody has": integer(-20),
    "a number of eight bytes": integer(-(1 << 40)),
    "the least number of eight bytes": integer(-(1 << 64)),
}
"""Algorithms that are well written and not ours; each is code.unsupported_alg."""


def with_algorithm(algorithm: bytes) -> Step:
    """Write another algorithm into a static code's protected header."""

    def step(code: bytes) -> bytes:
        protected = b"\xa2\x01" + algorithm + code[6:16]
        return code[:2] + data(protected) + code[16:]

    return step


def bomb() -> bytes:
    """Return 269 bytes of nested shared references (tags 28, 29) that re-encode to gigabytes."""
    shared, again = head(raw.TAG, 28), head(raw.TAG, 29)
    items = [shared + raw.array(())]
    for level in range(BOMB_LEVELS):
        reference = again + integer(level)
        items.append(shared + raw.array((reference, reference)))
    size = len(raw.array(items))
    return raw.array([*items, *[integer(0)] * (BOMB_BYTES - size)])


def static_bytes(city: City) -> bytes:
    """Return a static code's bytes: tag 18 and the credential."""
    return _TAGGED_CREDENTIAL + city.at(phone=None).credential()

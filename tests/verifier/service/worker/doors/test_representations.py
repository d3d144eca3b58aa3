"""Which representation is sent, all of it or a part, and when it is enough that it stands."""

import gzip
from hashlib import sha256, shake_256
from http import HTTPStatus
from typing import Final

import pytest

from runtime.http.problems import Problem
from verifier.service.worker.doors.representations import (
    GZIP,
    IDENTITY,
    MIN_BYTES,
    Representations,
    acceptable,
    pack,
)

DATA: Final = b"profiles of a city " * 200
PACKED = pack(DATA)
BOTH: Final = Representations(DATA, packed=PACKED)
PLAIN: Final = Representations(DATA)
TAG: Final = f'"{sha256(DATA).hexdigest()}"'
assert PACKED is not None
GZIP_TAG: Final = f'"{PACKED.digest}"'


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        (None, (IDENTITY,)),
        ("", (IDENTITY,)),
        ("gzip", (GZIP, IDENTITY)),
        ("GZIP", (GZIP, IDENTITY)),
        ("x-gzip", (GZIP, IDENTITY)),
        ("gzip, identity", (GZIP, IDENTITY)),
        ("gzip;q=0.5, identity", (IDENTITY, GZIP)),
        ("gzip;q=0", (IDENTITY,)),
        ("gzip;q=0.000", (IDENTITY,)),
        ("gzip; q=0.001", (GZIP, IDENTITY)),
        ("br, deflate", (IDENTITY,)),
        ("*", (GZIP, IDENTITY)),
        ("*;q=0", ()),
        ("gzip, *;q=0", (GZIP,)),
        ("identity;q=0, gzip", (GZIP,)),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", (GZIP, IDENTITY)),
        ("gzip;q=2", (IDENTITY,)),
        ("gzip;level=9", (IDENTITY,)),
    ],
)
def test_codings_a_client_takes(header: str | None, codings: tuple[str, ...]) -> None:
    """By weight; what nobody named may be sent as it is."""
    assert acceptable(header) == codings


def test_packed_where_it_is_asked_for() -> None:
    """Under a tag of its own, since its bytes are others; caches are told what it hangs on."""
    reply = BOTH.reply({"Accept-Encoding": "gzip"})
    assert (reply.status, reply.headers["Content-Encoding"]) == (HTTPStatus.OK, "gzip")
    assert gzip.decompress(reply.body) == DATA
    plain = BOTH.reply({})
    assert "Content-Encoding" not in plain.headers
    assert bytes(plain.body) == DATA
    assert {reply.headers["ETag"], plain.headers["ETag"]} == {TAG, GZIP_TAG}
    assert reply.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accept", ["gzip", "*;q=0"])
def test_what_has_no_other_form_is_sent_as_it_is(accept: str) -> None:
    """A packed plane does not shrink; 406 would help nobody."""
    assert bytes(PLAIN.reply({"Accept-Encoding": accept}).body) == DATA


@pytest.mark.parametrize(
    ("named", "status"),
    [
        (TAG, 304), (f"W/{TAG}", 304), (f'"other", {TAG}', 304), ("*", 304), (GZIP_TAG, 304),
        ('"other"', 200), ("", 200), (TAG.strip('"'), 200),
    ],
)  # fmt: skip
def test_what_stands_is_not_sent_again(named: str, status: int) -> None:
    """Whichever of the forms the client has, weakly compared."""
    reply = BOTH.reply({"If-None-Match": named, "Accept-Encoding": "gzip"})
    assert reply.status == status
    assert (len(reply.body) == 0) == (status == 304)


def test_a_form_the_client_does_not_take_does_not_stand() -> None:
    """It could not have been sent."""
    assert BOTH.reply({"If-None-Match": GZIP_TAG}).status == 200


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, len(DATA)),
        ("bytes=100-199", 100, 200),
        ("BYTES = 100-199", 100, 200),
        (f"bytes={len(DATA) - 1}-", len(DATA) - 1, len(DATA)),
        ("bytes=100-999999999999", 100, len(DATA)),
        ("bytes=-10", len(DATA) - 10, len(DATA)),
        ("bytes=-999999999", 0, len(DATA)),
    ],
)
def test_a_part(asked: str, first: int, end: int) -> None:
    """Exactly the bytes asked for, and which they are of how many."""
    reply = BOTH.reply({"Range": asked})
    assert reply.status == 206
    assert bytes(reply.body) == DATA[first:end]
    assert reply.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(DATA)}"


@pytest.mark.parametrize(
    "asked",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "bytes=0-1, bytes=3-4",
        "items=0-1", "bytes=a-b", "bytes=1-2-3", "bytes=+1-2", "bytes=0x1-2", f"bytes={'9' * 20}-",
    ],
)  # fmt: skip
def test_what_is_no_one_range_is_answered_with_all(asked: str) -> None:
    """A server may ignore it; the client sees it by the status."""
    reply = BOTH.reply({"Range": asked})
    assert (reply.status, bytes(reply.body)) == (200, DATA)


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=999999-1000000", "bytes=-0"])
def test_a_part_that_is_not_there(asked: str) -> None:
    """It is refused with the length."""
    with pytest.raises(Problem) as refused:
        BOTH.reply({"Range": asked})
    assert (refused.value.status, refused.value.code) == (416, "range.outside")
    assert refused.value.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 206), (f"W/{TAG}", 200), ('"older"', 200), ("", 200),
        ("Wed, 25 Nov 2026 00:00:00 GMT", 200),
    ],
)  # fmt: skip
def test_the_rest_only_of_the_same_octets(condition: str, status: int) -> None:
    """Strongly compared; else all of what is there now."""
    assert BOTH.reply({"Range": "bytes=10-", "If-Range": condition}).status == status


def test_the_rest_of_a_packed_one() -> None:
    """The tag says which form the client has a part of, whatever it would like best."""
    packed = BOTH.reply({"Accept-Encoding": "gzip"}).body
    for tag, whole in ((GZIP_TAG, bytes(packed)), (TAG, DATA)):
        asked = {"Accept-Encoding": "gzip", "If-Range": tag, "Range": "bytes=20-"}
        reply = BOTH.reply(asked)
        assert (reply.status, bytes(reply.body)) == (206, whole[20:])
        assert reply.headers["ETag"] == tag


def test_nothing_is_packed_that_does_not_shrink() -> None:
    """Planes are packed already, and small things fit into one packet."""
    assert pack(b"x" * (MIN_BYTES - 1)) is None
    assert pack(shake_256(b"a packed plane").digest(4096)) is None
    assert pack(DATA) == pack(DATA)

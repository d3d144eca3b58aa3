"""A bundle on its way: continued after a broken line, and only with the very same bytes."""

import gzip

import pytest

from firmware_stubs.downloads import Download, DownloadError
from verifier.contract.bundle import MAX_BUNDLE_BYTES

DATA = bytes(range(256)) * 40
TAG = '"abc"'


def broken(data: bytes = DATA, at: int = 1000, **headers: str) -> Download:
    """Begin a download whose line breaks."""
    download = Download("trust")
    download.began({"ETag": TAG} | headers, partial=False)
    download.took(data[:at])
    return download


def test_at_once() -> None:
    """What came is what it was; what is held is named."""
    download = Download("trust")
    assert download.headers(bytes(32))["If-None-Match"] == f'"{"00" * 32}"'
    download.began({"ETag": TAG}, partial=False)
    download.took(DATA)
    assert download.done() == DATA


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_the_rest_is_asked_for(coding: str) -> None:
    """From the first byte that is missing, of the representation that had begun."""
    packed = {"Content-Encoding": coding} if coding == "gzip" else {}
    data = gzip.compress(DATA) if packed else DATA
    download = broken(data, 100, **packed)
    assert download.headers(bytes(32)) == {
        "Accept-Encoding": coding,
        "If-Range": TAG,
        "Range": "bytes=100-",
    }
    of = f"bytes 100-{len(data) - 1}/{len(data)}"
    download.began({"ETag": TAG, "Content-Range": of} | packed, partial=True)
    download.took(data[100:])
    assert download.done() == DATA


def test_all_of_a_newer_one_takes_the_place_of_a_part() -> None:
    """The centre answers 200 when the tag is no longer that of the bundle."""
    download = broken()
    download.began({"ETag": '"new"'}, partial=False)
    download.took(b"new")
    assert download.done() == b"new"


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": TAG, "Content-Range": "bytes 999-10239/10240"},
        {"ETag": TAG, "Content-Range": "bytes 1001-10239/10240"},
        {"ETag": '"new"', "Content-Range": "bytes 1000-10239/10240"},
        {"ETag": TAG, "Content-Range": "bytes */10240"},
        {"ETag": TAG},
    ],
)
def test_another_part_is_refused_and_all_is_asked_for_anew(headers: dict[str, str]) -> None:
    """Two halves of different bytes would only be found out at the signature."""
    download = broken()
    with pytest.raises(DownloadError):
        download.began(headers, partial=True)
    assert "Range" not in download.headers(None)


def test_a_weak_tag_names_no_octets() -> None:
    """Nothing can be continued."""
    download = broken(ETag='W/"abc"')
    assert "Range" not in download.headers(None)


@pytest.mark.parametrize(
    "data",
    [b"nonsense", gzip.compress(DATA)[:-1], gzip.compress(DATA) + b"x",
     gzip.compress(bytes(MAX_BUNDLE_BYTES + 1))],
    ids=["nonsense", "cut short", "followed by more", "a bomb"],
)  # fmt: skip
def test_what_does_not_unpack_is_refused(data: bytes) -> None:
    """Bounded in length, and whole."""
    download = broken(data, len(data), **{"Content-Encoding": "gzip"})
    with pytest.raises(DownloadError):
        download.done()


def test_a_coding_that_was_not_asked_for_is_refused() -> None:
    """Rather than kept as if it were the bundle."""
    with pytest.raises(DownloadError):
        Download("trust").began({"Content-Encoding": "br"}, partial=False)


def test_longer_than_a_bundle() -> None:
    """It is refused before it fills the memory."""
    download = broken()
    with pytest.raises(DownloadError):
        download.took(bytes(MAX_BUNDLE_BYTES))

"""Parts: plain or one gzip member, in bounded pieces."""

import gzip

import pytest

from verifier.errors import FeedCause, FeedRefused
from verifier.feeds.part_encoding import PIECE_BYTES, Inflater


def inflated(data: bytes, size: int, *, packed: bool = True) -> bytes:
    """Inflate a part that comes in pieces of `size`."""
    inflater = Inflater(gzip=packed)
    pieces = [
        piece for at in range(0, len(data), size) for piece in inflater.take(data[at : at + size])
    ]
    assert all(len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 1000, 10_000_000])
def test_what_went_in_comes_out(size: int) -> None:
    """However the part arrives."""
    text = b"line %d\n" * 3000
    assert inflated(gzip.compress(text), size) == text
    assert inflated(text, size, packed=False) == text


def test_a_bomb_comes_out_piece_by_piece() -> None:
    """64 MiB in 64 KB: whoever takes the pieces can stop at any of them."""
    inflater = Inflater(gzip=True)
    pieces = inflater.take(gzip.compress(bytes(64 * 2**20)))
    assert len(next(pieces)) == PIECE_BYTES


def test_a_part_that_was_cut_gives_what_it_had() -> None:
    """The next part begins after the last whole line of it."""
    text = b"line\n" * 100_000
    found = inflated(gzip.compress(text)[:-20], 100)
    assert text.startswith(found)


@pytest.mark.parametrize(
    "data", [b"plain text", gzip.compress(b"a")[:10] + b"\xff" * 20, gzip.compress(b"a") + b"tail"]
)
def test_what_is_no_gzip_is_refused(data: bytes) -> None:
    """Another format, damaged, followed by something."""
    with pytest.raises(FeedRefused) as caught:
        inflated(data, 10_000)
    assert caught.value.cause is FeedCause.PART_ENCODING

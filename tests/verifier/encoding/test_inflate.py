"""Inflating: bounded, whole, and nothing else."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.contract.errors import MalformedError
from verifier.encoding.inflate import inflate


def test_inflating_is_bounded() -> None:
    """A stream of zeros stops at the limit; exactly the limit passes."""
    stream = zlib.compress(bytes(1000), 9)
    assert len(inflate(stream, limit=1000)) == 1000
    with pytest.raises(MalformedError):
        inflate(stream, limit=999)


@given(st.binary(max_size=200))
def test_any_bytes_inflate_or_are_refused(data: bytes) -> None:
    """Nothing but the refusal comes out."""
    try:
        inflate(data, limit=1000)
    except MalformedError:
        return

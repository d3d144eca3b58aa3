"""Strict JSON: the depth that is taken is that of every other reader."""

import pytest

from runtime.json_depth import MAX_DEPTH, NestingError, check_depth
from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import read_json


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_one_depth_for_every_reader(opening: bytes, closing: bytes) -> None:
    """The last depth that is taken, and the first that is not, are those of `check_depth`."""
    last = opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH
    assert read_json(last) is not None
    check_depth(last)
    deeper = opening + last + closing
    with pytest.raises(MalformedError):
        read_json(deeper)
    with pytest.raises(NestingError):
        check_depth(deeper)


def test_a_reader_may_take_more() -> None:
    """Rules nest deeper than messages."""
    assert read_json(b"[" * 256 + b"]" * 256, 256) is not None
    with pytest.raises(MalformedError):
        read_json(b"[" * 257 + b"]" * 257, 256)

"""`kapok conform statuslist`: values, bounds and bad lines."""

import base64
import json
import zlib
from typing import Any, Final

import pytest

from verifier.conform.lines import ProtocolFault
from verifier.conform.statuslist import conform_line
from verifier.status.plane import MAX_PLANE_BYTES


def listed(data: bytes) -> str:
    """Write a list as the protocol wants it."""
    return base64.urlsafe_b64encode(zlib.compress(data, 9)).rstrip(b"=").decode()


LINE: Final[dict[str, Any]] = {"id": 1, "bits": 2, "lst": listed(b"\xc9\x44\xf9"), "index": 0}


def ask(**changes: Any) -> Any:
    """Ask a line with some of its members changed."""
    return json.loads(conform_line(json.dumps(LINE | changes).encode()))


def test_values_of_two_bits() -> None:
    """The least significant bits come first."""
    found = [ask(index=index)["status"] for index in range(12)]
    assert found == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


@pytest.mark.parametrize(("bits", "entries"), [(1, 24), (2, 12), (4, 6), (8, 3)])
def test_the_end_of_a_list(bits: int, entries: int) -> None:
    """As many entries as its bytes hold."""
    assert "status" in ask(bits=bits, index=entries - 1)
    assert ask(bits=bits, index=entries) == {"id": 1, "error": "index.out_of_range"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        *[({"bits": bits}, ProtocolFault.BITS) for bits in (0, 3, 16, "1", True, None, 1.0)],
        *[({"index": index}, ProtocolFault.INDEX) for index in ("0", True, None, 0.0)],
        ({"index": -1}, ProtocolFault.INDEX_OUT_OF_RANGE),
        *[
            ({"lst": text}, ProtocolFault.LIST)
            for text in (None, 1, "", "!", "eNo", LINE["lst"] + "A")
        ],
        ({"lst": listed(b"x") + "="}, ProtocolFault.LIST),
        ({"lst": listed(b"\x01\x02") + 6 * "="}, ProtocolFault.LIST),
        ({"lst": base64.urlsafe_b64encode(b"\xc9\x44\xf9").decode()}, ProtocolFault.LIST),
    ],
)
def test_bad_lines(changes: dict[str, Any], fault: ProtocolFault) -> None:
    """Answered with a fault."""
    assert ask(**changes) == {"id": 1, "error": fault.value}


def test_padding_is_optional() -> None:
    """Whole or none."""
    text = LINE["lst"]
    assert ask(lst=text + "=" * (-len(text) % 4)) == ask()


def test_the_largest_list_and_one_more() -> None:
    """Thirty-two MiB inflated; a byte more is an error, not memory."""
    last = MAX_PLANE_BYTES - 1
    assert ask(bits=8, lst=listed(bytes(last) + b"\x07"), index=last)["status"] == 7
    assert ask(lst=listed(bytes(MAX_PLANE_BYTES + 1))) == {"id": 1, "error": "lst.malformed"}

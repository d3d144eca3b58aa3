"""`kapok conform statuslist`: one value of a Token Status List (IETF draft, section 4)."""

from typing import Final

from verifier.conform.lines import BadLine, Members, ProtocolFault, answer
from verifier.contract.errors import MalformedError
from verifier.encoding.inflate import inflate
from verifier.encoding.strict_json import unbase64url
from verifier.status.plane import MAX_PLANE_BYTES, PackedValues

WIDTHS: Final = (1, 2, 4, 8)
"""Bits of a value."""


def conform_line(line: bytes) -> bytes:
    """Answer one line; no line end, never raises for what it holds."""
    return answer(line, _look_up)


def _look_up(members: Members) -> Members:
    bits, packed, index = members.get("bits"), members.get("lst"), members.get("index")
    if type(bits) is not int or bits not in WIDTHS:
        raise BadLine(ProtocolFault.BITS)
    if type(index) is not int:
        raise BadLine(ProtocolFault.INDEX)
    if not isinstance(packed, str):
        raise BadLine(ProtocolFault.LIST)
    try:
        bare = packed.rstrip("=")
        stream = unbase64url(bare if packed == bare + "=" * (-len(bare) % 4) else packed)
        data = inflate(stream, limit=MAX_PLANE_BYTES)
    except MalformedError as error:
        raise BadLine(ProtocolFault.LIST) from error
    values = PackedValues(bits=bits, size=len(data) * 8 // bits, data=data)
    try:
        return {"status": values[index]}
    except IndexError as error:
        raise BadLine(ProtocolFault.INDEX_OUT_OF_RANGE) from error

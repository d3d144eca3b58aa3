"""Every parser that sees bytes from strangers, with what it may raise, and a corpus to damage."""

import base64
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.soak.doors import door_parsers
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import find
from verifier.codes import city, hcert, shc
from verifier.codes.shown import opens
from verifier.conform.codes import conform_line as conform_codes
from verifier.conform.statuslist import conform_line as conform_statuslist
from verifier.contract.cbor import SIGNED_DOCUMENT, decode
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.scan import scan_id_bytes
from verifier.encoding import base45
from verifier.encoding.inflate import inflate
from verifier.errors import Refusal
from verifier.groups.roster import unpack_members
from verifier.policy.certlogic import conform_line as conform_rules
from verifier.status.plane import MAX_PLANE_BYTES
from verifier.status.rids import read_card_list_file

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors"


SNAPSHOT: Final = base64.b64decode("eJzbuRgAAhcBXQ==")
SCAN_ID: Final = b"01a20f79-6061-87f4-8936-3ae2788bc37c"
CARD_LIST: Final = (
    b'{"kid":"3Kfdg-XwP-7gXyywtUfUADwBumDOPKMQx-iELL11W9s","method":"rid","ctr":1,'
    b'"rids":["vwAjHdarZuc.1687450765","FKDIxsTCGlU"]}'
)
STATUS_LINE: Final = b'{"id":1,"bits":1,"lst":"eNrbuRgAAhcBXQ","index":3}'
RULE_LINE: Final = json.dumps(
    {
        "id": "a",
        "logic": {"if": [{"var": "x.0"}, {"plusTime": ["2020-01-01", 1, "day"]}, 1]},
        "data": {"x": [1, {"y": None}]},
    }
).encode()


class Parser(NamedTuple):
    """One parser under test."""

    name: str
    parse: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    corpus: tuple[bytes, ...]


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """Hand bytes on as the text they would be if a camera had read them."""
    return lambda data: parse(data.decode("utf-8", "replace"))


def _packed(parse: Callable[[str], object], prefix: str) -> Callable[[bytes], object]:
    """Damage below base45: encode the damaged bytes anew, so that deeper layers are reached."""
    return lambda data: parse(prefix + base45.encode(data))


def _members(data: bytes) -> object:
    return unpack_members(data, count=3, list_number=1)


def _codes_line(line: bytes) -> bytes:
    return conform_codes(line, lambda picture: find(read_picture(picture), opens))


def _cases() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(VECTORS.glob("*/*.json"))]


def parsers() -> tuple[Parser, ...]:
    """Return all parsers; the corpora come from our own vectors."""
    cases = _cases()
    texts = [str(case["text"]) for case in cases if "text" in case]
    codes = tuple(text.encode() for text in texts)
    cc1 = tuple(
        base45.decode(text[4:])
        for text in texts
        if re.fullmatch(r"CC1:[0-9A-Z $%*+\-./:]+", text) and _decodes(text[4:])
    )
    documents = tuple(
        bytes.fromhex(str(case["document"]))
        for case in cases
        if isinstance(case.get("document"), str)
    )
    lines = tuple(json.dumps(case).encode() for case in cases if "text" in case)
    claims = tuple(city.decode(text).payload for text in texts if _is_city(text))
    refusals = (Refusal, MalformedError)
    return (
        Parser("base45", _text(base45.decode), (MalformedError,), codes),
        Parser("CC1 text", _text(city.decode), refusals, codes),
        Parser("CC1 bytes", _packed(city.decode, "CC1:"), refusals, cc1),
        Parser("CC1 claims", city.read_claims, refusals, claims),
        Parser("HC1 text", _text(hcert.decode), refusals, (*codes, b"HC1:NCF")),
        Parser("HC1 bytes", _packed(hcert.decode, "HC1:"), refusals, cc1),
        Parser("HC1 claims", hcert.read_claims, refusals, claims),
        Parser("SHC text", _text(shc.decode), refusals, (b"shc:/" + b"5762" * 200, *codes)),
        Parser("envelope", take_apart, refusals, documents or cc1),
        Parser("documents", lambda data: decode(data, SIGNED_DOCUMENT), refusals, documents or cc1),
        Parser("members", _members, refusals, (b"\x05\x01\x7f",)),
        Parser("snapshot", partial(inflate, limit=MAX_PLANE_BYTES), refusals, (SNAPSHOT,)),
        Parser("scan_id", _text(scan_id_bytes), refusals, (SCAN_ID,)),
        Parser("card list", read_card_list_file, refusals, (CARD_LIST,)),
        Parser("conform codes", _codes_line, (), lines),
        Parser("conform statuslist", conform_statuslist, (), (STATUS_LINE,)),
        Parser("conform rules", conform_rules, (), (RULE_LINE,)),
        *(Parser(*each) for each in door_parsers()),
    )  # fmt: skip


def _decodes(text: str) -> bool:
    try:
        return bool(base45.decode(text))
    except MalformedError:
        return False


def _is_city(text: str) -> bool:
    try:
        return bool(city.decode(text).payload)
    except (Refusal, MalformedError):
        return False

"""Parsers of what other systems, operators, phones and terminals are sent, signatures aside.

Where a signature stands before a parser, what it covers is damaged and handed on as if it held: a
key that was stolen must not reach further than its own documents.
"""

import base64
import gzip
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
import numpy as np

from tests.support import feed_sources
from tests.support.issued import credential
from tests.support.keys import ISSUER, PHONE
from tests.support.operators import operator_token
from tests.support.publisher import Edition
from verifier.contract.audit import START, Act, AuditAction, line_of, read_line
from verifier.contract.bulk import make_reader
from verifier.contract.bundle import CardsDocument, read_document
from verifier.contract.destruction import read_destruction
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.feed import BatchForm, read_manifest
from verifier.contract.holder import (
    HolderDoor,
    HolderRequest,
    Possession,
    Purpose,
    read_holder,
    seal_holder,
)
from verifier.contract.operator import read_operator_token, token_bytes
from verifier.contract.status import read_delta, read_status
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleRefused, FeedRefused, SourceError
from verifier.feeds.batches import open_manifest
from verifier.feeds.lines import LineReader, Position
from verifier.feeds.part_encoding import Inflater
from verifier.feeds.sources import read_source
from verifier.issuing.persons import ReferenceKey
from verifier.issuing.possession import HolderRefused, check_possession, open_credential
from verifier.status.delta import apply, chained
from verifier.status.plane import PackedValues, PlaneView, open_plane, pack
from verifier.status.rids import open_cards
from verifier.trust.keys import load_spki

NOW: Final = feed_sources.NOW
VIEW: Final = PlaneView(
    values=PackedValues(bits=2, size=64, data=pack(np.zeros(64, np.uint8), 2)), version=1, as_of=NOW
)
NDJSON: Final = (
    f'{{"ref":"R-0001","plane":"health","value":"red","at":{NOW}}}\n'
    f'{{"person":7,"plane":"test","value":12,"at":{NOW - 9}}}\n'
).encode()
CSV: Final = f"ref,plane,value,at\nR-0001,health,red,{NOW}\r\nR-0002,test,12,{NOW}".encode()
BULK: Final = (
    b'{"line":1,"kind":"paper","reference":"R-0001","hours":24,"sectors":{"hall":2}}',
    b'{"line":2,"kind":"phone","reference":"R-0002","colour":"red"}',
)


class DoorParser(NamedTuple):
    """As `Parser`."""

    name: str
    parse: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    corpus: tuple[bytes, ...]


SOURCE_FILE: Final = feed_sources.FILE.format(
    spki=base64.b64encode(feed_sources.KEY.spki).decode(), more="", tables=""
).encode()
_SOURCE: Final = feed_sources.source()
_KEY: Final = ReferenceKey(bytes(32))
_BULK: Final = make_reader()
_PHONE: Final = load_spki(PHONE.spki)[1]
_ISSUER: Final = load_spki(ISSUER.spki)[1]


def _lines(form: BatchForm) -> Callable[[bytes], object]:
    def parse(data: bytes) -> object:
        described = msgspec.structs.replace(
            feed_sources.manifest(), form=form, octets=len(data), lines=0
        )
        reader = LineReader(described, _SOURCE, Position())
        found = []
        for first in range(0, len(data), 61):
            for item in reader.take(data[first : first + 61], NOW):
                reference = getattr(item, "reference", None)
                found.append(item if reference is None else _digest(reference))
        return found

    return parse


def _digest(reference: str) -> bytes:
    """Hash a reference as a door does, which refuses what is none."""
    try:
        return _KEY.digest(reference)
    except MalformedError:
        return b""


def _gzip(data: bytes) -> object:
    return sum(map(len, Inflater(gzip=True).take(data)))


def _bulk(data: bytes) -> object:
    return _digest(_BULK.decode(data).reference)


def _token(data: bytes) -> object:
    return read_operator_token(take_apart(token_bytes(data.decode("utf-8", "replace"))).payload)


def _delta(data: bytes) -> object:
    found = read_delta(data)
    chain = chained(VIEW.chain, found.version, found.changes)
    led = msgspec.structs.replace(found, before=VIEW.version, prev=VIEW.chain, chain=chain)
    return apply(led, VIEW)


def _cards(data: bytes) -> object:
    return open_cards(read_document(data, CardsDocument, "cards"))


def _possession(data: bytes) -> None:
    check_possession(data, _PHONE, issuer="440100", purpose=Purpose.PHONE, challenge=bytes(16))


def _shown(data: bytes) -> object:
    keys = {ISSUER.kid: _ISSUER}
    return open_credential(data, keys, issuer="440100", list_number=1, now=time.time())


def _payload(envelope: bytes) -> bytes:
    return take_apart(envelope).payload


def door_parsers() -> tuple[DoorParser, ...]:
    """Return the parsers."""
    edition = Edition(version=2)
    possession = Possession(iss="440100", purpose=Purpose.PHONE, challenge=bytes(16))
    asked = HolderRequest(
        door=HolderDoor.RENEW, iss="440100", list=1, credential=7, iat=NOW, nonce=bytes(16),
        request=bytes(16), holder=bytes(40), possession=bytes(90), hours=6,
    )  # fmt: skip
    signed = [
        seal_holder(each, kid=PHONE.kid, algorithm=PHONE.algorithm, sign=PHONE.sign)
        for each in (possession, asked)
    ]
    manifest = feed_sources.sealed(feed_sources.manifest(NDJSON))
    act = Act(action=AuditAction.REVOKE, person="ling", by="token:0", subject="credential:1:7")
    line, head = line_of(act, process="issuing", at=NOW, head=START)
    token = operator_token()
    cards = edition.cards(
        {"3Kfdg-XwP-7gXyywtUfUADwBumDOPKMQx-iELL11W9s": ["vwAjHdarZuc.1687450765", "FKDIxsTCGlU"]}
    )
    malformed = (MalformedError,)
    return (
        DoorParser("manifest", read_manifest, malformed, (_payload(manifest),)),
        DoorParser("manifest header", lambda data: open_manifest(data, _SOURCE), (FeedRefused,),
                   (manifest,)),
        DoorParser("feed NDJSON", _lines(BatchForm.NDJSON), (FeedRefused,), (NDJSON,)),
        DoorParser("feed CSV", _lines(BatchForm.CSV), (FeedRefused,), (CSV,)),
        DoorParser("feed gzip", _gzip, (FeedRefused,), (gzip.compress(NDJSON * 40, mtime=0),)),
        DoorParser("source file", read_source, (SourceError,), (SOURCE_FILE,)),
        DoorParser("operator token", _token, malformed, (token.encode(),)),
        DoorParser("operator token payload", read_operator_token, malformed,
                   (_payload(token_bytes(token)),)),
        DoorParser("audit line", read_line, malformed,
                   (line, line_of(act, process="fleet", at=NOW, head=head)[0])),
        DoorParser("status", lambda data: open_plane(read_status(data)), malformed,
                   (_payload(edition.status(Plane.HEALTH, 64, {3: 2})),)),
        DoorParser("delta", _delta, (MalformedError, BundleRefused),
                   (_payload(edition.delta(VIEW, Plane.HEALTH, {3: 2, 9: 1})),)),
        DoorParser("destruction", read_destruction, malformed,
                   (_payload(edition.destruction(Plane.HEALTH)),)),
        DoorParser("cards", _cards, malformed, (_payload(cards),)),
        DoorParser("bulk line", _bulk, (msgspec.DecodeError, ValueError, RecursionError), BULK),
        DoorParser("holder request", lambda data: read_holder(data, HolderRequest), malformed,
                   (_payload(signed[1]),)),
        DoorParser("possession", lambda data: read_holder(data, Possession), malformed,
                   (_payload(signed[0]),)),
        DoorParser("possession signed", _possession, (HolderRefused,), tuple(signed)),
        DoorParser("credential shown", _shown, (HolderRefused,),
                   (credential(7, holder=PHONE), credential(7, holder=None))),
    )  # fmt: skip

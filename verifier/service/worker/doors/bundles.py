"""GET /v1/bundles and what lies under it: signed bundles as they were accepted. Scope `bundles`.

- /v1/bundles           names and versions; with `place`, what is known of that place among them
- /v1/bundles/{name}    the signed bytes: whole, packed, in part, or only that they stand
- /v1/bundles/{name}/deltas/{first}     of a plane: what leads to its versions first to first + 63

What is answered depends on the address alone, so that one cache may stand before many workers; who
is let in is asked of whoever comes here, the cache itself included. A terminal is given the bundles
of its own place, an operator those of its area, and planes, which speak of everybody, where that is
the whole city; what only some may read of an address is for no cache to keep.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from runtime.clock import http_date
from runtime.http.access import Caller, is_of_city, reaches
from runtime.http.bodies import JSON, encode
from runtime.http.connection import Connection
from runtime.http.problems import Problem
from runtime.http.queries import words
from runtime.http.routes import Handlers
from verifier.contract.bundle import DELTA_BUCKET, BundleIndex, BundleVersion
from verifier.contract.status import plane_of
from verifier.contract.vocabulary import ApiScope
from verifier.service.worker.doors.representations import (
    CONDITIONS,
    Packed,
    Representations,
    pack,
)
from verifier.service.worker.gates import gate_of
from verifier.service.worker.kept_deltas import Ahead, Bucket, Deltas, Gone
from verifier.service.worker.knowledge import Knowledge, SignedBundle
from verifier.trust.kinds import place_of, read_name

CHUNK_BYTES: Final = 64 * 1024
"""Bytes written at once: what a slow terminal makes us hold."""
FINAL: Final = "public, max-age=31536000, immutable"
"""A bucket of deltas that is full never changes."""
FRESH: Final = "public, max-age=1"
"""A cache asks once a second, however many terminals ask it: what is new is out within 2 s."""
UNKEPT: Final = {"Cache-Control": "no-store"}
"""A cache must not keep that there is none: the next version may bring it."""
COSE: Final = "application/cose"
SEQUENCE: Final = "application/cbor-seq"
MAX_BUCKETS: Final = 64
"""Buckets kept as they are sent; what terminals ask for are the newest."""
_PLACE: Final = {"place": re.compile("[a-z0-9][a-z0-9-]{0,62}")}
_DIGITS: Final = 15
_NO_DELTAS: Final = Deltas()


class BundleResource:
    """The list of bundles, and each of them."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._packed: dict[str, tuple[str, Packed | None]] = {}
        """Name to digest and what it packs to; made once for each version."""
        self._packing = asyncio.Lock()
        self._buckets: OrderedDict[str, tuple[int, Representations]] = OrderedDict()
        """By address: the newest version in it, and the bucket as it is sent."""

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {
            "listBundles": self.index,
            "readBundle": self.one,
            "describeBundle": self.one,
            "readDeltas": self.deltas,
        }

    async def index(self, request: web.BaseRequest, caller: Caller, _: str) -> web.StreamResponse:
        """Answer which bundles there are."""
        own = self._allow(caller)
        place = words(request, _PLACE).get("place")
        bundles = self._knowledge.bundles
        listed = tuple(
            self._entry(bundles[name].version)
            for name in sorted(bundles)
            if place_of(name) in (None, place) and self._opens(caller, own, name)
        )
        shown = Representations(encode(BundleIndex(bundles=listed)))
        kept = {"Cache-Control": FRESH} if is_of_city(caller) else UNKEPT
        headers = {"Content-Type": JSON, **kept}
        return await send(request, shown, headers, parts=False)

    async def one(self, request: web.BaseRequest, caller: Caller, name: str) -> web.StreamResponse:
        """Answer with a bundle."""
        own = self._allow(caller)
        bundle = self._knowledge.bundles.get(name)
        if not self._opens(caller, own, name):
            if caller.token is not None:
                raise Problem(HTTPStatus.FORBIDDEN, "operator.area", headers=UNKEPT)
            bundle = None
        if bundle is None:
            raise Problem(HTTPStatus.NOT_FOUND, "bundle.unknown", headers=UNKEPT)
        shown = Representations(
            bundle.data, digest=bundle.version.digest, packed=await self._pack(name, bundle)
        )
        headers = {
            "Content-Type": COSE,
            "Cache-Control": FRESH,
            "Kapok-Bundle-Version": str(bundle.version.version),
        }
        return await send(request, shown, headers)

    async def deltas(
        self, request: web.BaseRequest, caller: Caller, asked: str
    ) -> web.StreamResponse:
        """Answer with a bucket of a plane's deltas."""
        self._allow(caller)
        name, _, number = asked.partition("/")
        if name not in self._knowledge.bundles or plane_of(name) is None:
            raise Problem(HTTPStatus.NOT_FOUND, "bundle.unknown", headers=UNKEPT)
        kept = self._knowledge.deltas.get(name, _NO_DELTAS)
        if not (number.isascii() and number.isdigit()) or len(number) > _DIGITS:
            raise Problem(HTTPStatus.BAD_REQUEST, "deltas.first")
        first = int(number)
        if first % DELTA_BUCKET or str(first) != number:
            raise Problem(HTTPStatus.BAD_REQUEST, "deltas.first")
        try:
            bucket = kept.bucket(first, known=self._knowledge.head(name))
        except Ahead:
            raise Problem(HTTPStatus.NOT_FOUND, "deltas.ahead", headers=UNKEPT) from None
        except Gone:
            raise Problem(HTTPStatus.GONE, "deltas.gone", headers=UNKEPT) from None
        headers = {
            "Content-Type": SEQUENCE,
            "Cache-Control": FINAL if bucket.final else FRESH,
            "Kapok-Bundle-Version": str(bucket.newest),
        }
        return await send(request, await self._sent(asked, bucket), headers)

    async def _sent(self, asked: str, bucket: Bucket) -> Representations:
        """Return a bucket as it is sent; made once, until another delta joins it."""
        made = self._buckets.get(asked)
        if made is None or made[0] != bucket.newest:
            packed = await asyncio.to_thread(pack, bucket.data)
            made = bucket.newest, Representations(bucket.data, packed=packed)
            self._buckets[asked] = made
        self._buckets.move_to_end(asked)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return made[1]

    def _entry(self, version: BundleVersion) -> BundleVersion:
        if version.name not in self._knowledge.deltas:
            return version
        return msgspec.structs.replace(version, head=self._knowledge.head(version.name))

    def _allow(self, caller: Caller) -> str | None:
        """Let a caller in; returns the place of a terminal, None for a service."""
        if caller.scopes is None:
            return gate_of(caller, self._knowledge, ApiScope.BUNDLES).grant.place
        return None

    def _opens(self, caller: Caller, own: str | None, name: str) -> bool:
        """Say whether a caller may read a bundle of this name; `own` is a terminal's place."""
        place = place_of(name)
        if place is None:
            return plane_of(name) is None or is_of_city(caller)
        if own is not None:
            return own == place
        return reaches(caller, place, self._knowledge.district(place))

    async def _pack(self, name: str, bundle: SignedBundle) -> Packed | None:
        read = read_name(name)
        if read is None or not read.kind.packs:
            return None
        digest = bundle.version.digest
        async with self._packing:
            known = self._packed.get(name)
            if known is None or known[0] != digest:
                known = digest, await asyncio.to_thread(pack, bundle.data)
                self._packed[name] = known
        return known[1]


async def send(
    request: web.BaseRequest,
    shown: Representations,
    headers: Mapping[str, str],
    *,
    parts: bool = True,
) -> web.StreamResponse:
    """Send what a request's headers ask for, piece by piece, as fast as the client takes it.

    `parts`: a range of it may be asked for.

    Raises:
        Problem: 416 range.outside.
    """
    given = request.headers
    asked = {name: ", ".join(given.getall(name)) for name in CONDITIONS if name in given}
    if request.method != "GET" or not parts:
        asked.pop("Range", None)
    reply = shown.reply(asked)
    said = {**reply.headers, **headers, "Server": "kapok", "Date": http_date()}
    if reply.status is HTTPStatus.NOT_MODIFIED:
        del said["Content-Type"]
        return web.Response(status=reply.status, headers=said)
    response = web.StreamResponse(status=reply.status, headers=said)
    response.content_length = len(reply.body)
    await response.prepare(request)
    if request.method == "GET":
        for start in range(0, len(reply.body), CHUNK_BYTES):
            await response.write(reply.body[start : start + CHUNK_BYTES])
            if isinstance(request.protocol, Connection):
                request.protocol.progressed()
    await response.write_eof()
    return response

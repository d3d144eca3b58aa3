"""Representations of one resource: which one is sent, all of it or a part, or that it stands.

RFC 9110: content coding by Accept-Encoding (12.5.3), strong entity tags of which each coding has
its own (8.8.3), If-None-Match and If-Range (13.1), one byte range (14). Pure: headers in, answer
out. A tag that a client names selects the representation that it names, so that whoever holds the
bytes without a coding is told that they stand, whatever else it could unpack.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from runtime.http.problems import Problem

CONDITIONS: Final = ("Accept-Encoding", "If-None-Match", "If-Range", "Range")
"""Headers that an answer depends on."""
GZIP: Final = "gzip"
IDENTITY: Final = "identity"
MIN_BYTES: Final = 1024
"""Bytes below which a coding saves less than a packet."""
WORTH: Final = 0.9
"""Of its size a packed representation may have at most; else it is not kept."""
_LEVEL: Final = 6
_MAX_ITEMS: Final = 32
"""Codings or tags of a header that are looked at."""
_UNSAID: Final = 0.0005
"""Weight of what may be sent although nobody asked for it: below any that can be said."""
_RANGE: Final = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.IGNORECASE | re.ASCII)
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Bytes under a coding, and their own digest."""

    data: bytes
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """The bytes under one coding, and the tag that names exactly them."""

    coding: str
    data: bytes
    tag: str
    """With its quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentationAnswer:
    """What is answered; `body` is a view of kept bytes, never a copy."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: memoryview


class Representations:
    """A resource as it can be sent: as it is, and packed where that helps."""

    __slots__ = ("_by_coding",)

    def __init__(
        self, data: bytes, *, digest: str | None = None, packed: Packed | None = None
    ) -> None:
        """Take the bytes, their SHA-256 (hex) where it is known, and what `pack` made of them."""
        tag = digest or sha256(data).hexdigest()
        whole = Representation(coding=IDENTITY, data=data, tag=f'"{tag}"')
        self._by_coding = {IDENTITY: whole}
        if packed is not None:
            self._by_coding[GZIP] = Representation(
                coding=GZIP, data=packed.data, tag=f'"{packed.digest}"'
            )

    def reply(self, headers: Mapping[str, str]) -> RepresentationAnswer:
        """Answer a GET with these of its headers (`CONDITIONS`).

        Raises:
            Problem: 416 range.outside.
        """
        named = [*_tags(headers.get("If-None-Match", "")), headers.get("If-Range", "").strip()]
        chosen = self._chosen(headers.get("Accept-Encoding"), named)
        given = {"ETag": chosen.tag, "Vary": "Accept-Encoding", "Accept-Ranges": "bytes"}
        client_tags = _tags(headers.get("If-None-Match", ""))
        if chosen.tag in client_tags or "*" in client_tags:
            return RepresentationAnswer(
                status=HTTPStatus.NOT_MODIFIED, headers=given, body=memoryview(b"")
            )
        if chosen.coding != IDENTITY:
            given["Content-Encoding"] = chosen.coding
        whole = memoryview(chosen.data)
        part = _part(headers, chosen)
        if part is None:
            return RepresentationAnswer(status=HTTPStatus.OK, headers=given, body=whole)
        given["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(whole)}"
        body = whole[part.start : part.stop]
        return RepresentationAnswer(status=HTTPStatus.PARTIAL_CONTENT, headers=given, body=body)

    def _chosen(self, accept: str | None, named: list[str]) -> Representation:
        able = [self._by_coding[one] for one in acceptable(accept) if one in self._by_coding]
        for one in able:
            if one.tag in named:
                return one
        return able[0] if able else self._by_coding[IDENTITY]


def pack(data: bytes) -> Packed | None:
    """Pack bytes; None where it does not help. The same bytes give the same again."""
    if len(data) < MIN_BYTES:
        return None
    packed = gzip.compress(data, _LEVEL, mtime=0)
    if len(packed) > len(data) * WORTH:
        return None
    return Packed(data=packed, digest=sha256(packed).hexdigest())


def acceptable(accept: str | None) -> tuple[str, ...]:
    """Return the codings that a client takes, the dearest first; without a word, none but as it is.

    A header that cannot be read counts as none.
    """
    if accept is None:
        return (IDENTITY,)
    weights: dict[str, float] = {}
    for item in accept.split(",")[:_MAX_ITEMS]:
        name, _, parameter = item.partition(";")
        weight = _WEIGHT.fullmatch(parameter.strip()) if parameter.strip() else None
        if parameter.strip() and weight is None:
            return (IDENTITY,)
        coding = name.strip().lower().removeprefix("x-")
        weights[coding] = 1.0 if weight is None else float(weight[1])
    others = weights.get("*")
    asked = {
        GZIP: weights.get(GZIP, others or 0.0),
        IDENTITY: weights.get(IDENTITY, _UNSAID if others is None else others),
    }
    return tuple(sorted((one for one in asked if asked[one] > 0), key=lambda one: -asked[one]))


def _tags(header: str) -> tuple[str, ...]:
    """Return the tags of If-None-Match, which compares weakly; ours hold no comma."""
    return tuple(one.strip().removeprefix("W/") for one in header.split(",")[:_MAX_ITEMS])


def _part(headers: Mapping[str, str], chosen: Representation) -> range | None:
    """Return which bytes are asked for; None: all of them.

    Several ranges, and what is no range, are answered with all: a server may ignore them.
    """
    condition = headers.get("If-Range")
    if condition is not None and condition.strip() != chosen.tag:
        return None
    found = _RANGE.fullmatch(headers.get("Range", "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    size = len(chosen.data)
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size
    else:
        start = int(found[1])
        stop = min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size or start >= stop:
        outside = {"Content-Range": f"bytes */{size}"}
        raise Problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "range.outside", headers=outside)
    return range(start, stop)

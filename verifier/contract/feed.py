"""What a source of status and the verifier agree on: the manifest of a batch (docs/feeds.md).

A batch is a text of lines (NDJSON or CSV) and a manifest that describes it, signed by the source's
own key under `kapok/1/feed`. The digest is a chain over the lines, so that a batch can be taken up
again at any line without keeping what was read.
"""

import hashlib
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from verifier.contract.cbor import Grammar, decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Plane

MAX_MANIFEST_BYTES: Final = 1024
"""Bytes of a signed manifest; ours have some 330."""
BATCH_BYTES: Final = 16
"""Bytes of a batch's id, drawn at random by its source."""
DIGEST_BYTES: Final = 32
MAX_LINES: Final = 5_000_000
"""Lines of a batch; a city's planes take four of these."""
MAX_OCTETS: Final = 1 << 30
"""Bytes of a batch's text."""
MAX_LINE_BYTES: Final = 512
"""Bytes of a line with its line feed; the longest that is right has some 300."""
NO_LINES: Final = bytes(DIGEST_BYTES)
"""Digest of a text without lines."""
FED_PLANES: Final = (Plane.HEALTH, Plane.TEST, Plane.DOSES)
"""Planes of persons; credentials are revoked by their issuer alone."""
_GRAMMAR: Final = Grammar(max_items=64)

SourceName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{1,31}\Z")]


class BatchForm(StrEnum):
    """How the lines of a batch are written."""

    NDJSON = "ndjson"
    CSV = "csv"


class BatchManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source says of a batch."""

    type: str
    """feed."""
    source: SourceName
    batch: Annotated[bytes, msgspec.Meta(min_length=BATCH_BYTES, max_length=BATCH_BYTES)]
    sequence: Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
    """1 for a source's first batch, then one more each time, without gaps."""
    iat: Annotated[int, msgspec.Meta(ge=0, lt=1 << 40)]
    """Unix seconds: up to this moment the source has told everything it knows."""
    list: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
    planes: Annotated[tuple[Plane, ...], msgspec.Meta(min_length=1, max_length=len(FED_PLANES))]
    """Those that its lines may name."""
    form: BatchForm
    lines: Annotated[int, msgspec.Meta(ge=0, le=MAX_LINES)]
    octets: Annotated[int, msgspec.Meta(ge=0, le=MAX_OCTETS)]
    """Of the text as it is before gzip."""
    digest: Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
    """Of the text: `next_digest` over its lines, from `NO_LINES`."""

    def same_batch(self, other: "BatchManifest") -> bool:
        """Say whether both describe one batch; it may have been signed again, later."""
        return msgspec.structs.replace(self, iat=0) == msgspec.structs.replace(other, iat=0)


def next_digest(digest: bytes, line: bytes) -> bytes:
    """Go on with the digest of a text by one line, its line feed included."""
    return hashlib.sha256(digest + line).digest()


def digest_of(text: bytes) -> bytes:
    """Return the digest of a whole text."""
    digest, whole = NO_LINES, text.split(b"\n")
    for line in whole[:-1]:
        digest = next_digest(digest, line + b"\n")
    return next_digest(digest, whole[-1]) if whole[-1] else digest


def seal_manifest(
    manifest: BatchManifest, *, kid: bytes, algorithm: Algorithm, sign: Sign
) -> bytes:
    """Sign a manifest with the source's key."""
    payload = encode(msgspec.to_builtins(manifest, builtin_types=(bytes,)))
    return seal(SignedUse.FEED, payload, kid=kid, algorithm=algorithm, sign=sign)


def read_manifest(payload: bytes) -> BatchManifest:
    """Read the payload of a manifest whose signature holds.

    Raises:
        MalformedError: the payload is not a manifest.
    """
    found: Any = decode(payload, _GRAMMAR)
    try:
        manifest = msgspec.convert(found, BatchManifest, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise MalformedError("not a manifest") from error
    if manifest.type != "feed" or len(set(manifest.planes)) != len(manifest.planes):
        raise MalformedError("not a manifest")
    return manifest

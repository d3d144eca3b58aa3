"""Sources and manifests for tests of the data channel's core."""

import base64
from typing import Any, Final

from verifier.contract.envelope import Algorithm
from verifier.contract.feed import BatchForm, BatchManifest, digest_of, seal_manifest
from verifier.contract.vocabulary import Plane
from verifier.feeds.sources import Source, read_source
from verifier.issuing import signing_key
from verifier.issuing.signing_key import SigningKey

NOW: Final = 1_800_000_000
KEY: Final = signing_key.from_secret(bytes(31) + b"\x07")
ED_KEY: Final = signing_key.from_secret(bytes(31) + b"\x08", Algorithm.EDDSA)
FILE: Final = """
name = "health-province"
title = "A province"
spki = "{spki}"
callers = ["sender"]
list = 1
every = 60
stale_after = 120
required = ["health"]
{more}
[scope]
health = ["green", "yellow", "red"]
test = ["any"]
doses = [0, 1]
{tables}
"""


def source(more: str = "", tables: str = "", key: SigningKey = KEY, **replaced: str) -> Source:
    """Return a source, its file changed as asked."""
    spki = base64.b64encode(key.spki).decode()
    text = FILE.format(spki=spki, more=more, tables=tables)
    for old, new in replaced.items():
        text = text.replace(old, new)
    return read_source(text.encode())


def manifest(text: bytes = b"", **changes: Any) -> BatchManifest:
    """Describe a text as the first batch."""
    given: dict[str, Any] = {
        "type": "feed",
        "source": "health-province",
        "batch": bytes(range(16)),
        "sequence": 1,
        "iat": NOW,
        "list": 1,
        "planes": (Plane.HEALTH, Plane.TEST),
        "form": BatchForm.NDJSON,
        "lines": text.count(b"\n") + (not text.endswith(b"\n") and text != b""),
        "octets": len(text),
        "digest": digest_of(text),
    }
    return BatchManifest(**given | changes)


def sealed(described: BatchManifest, key: SigningKey = KEY) -> bytes:
    """Sign a manifest."""
    return seal_manifest(described, kid=key.kid, algorithm=key.algorithm, sign=key.sign)

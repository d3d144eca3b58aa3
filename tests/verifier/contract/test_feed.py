"""The manifest's contract, and the worked example of docs/feeds.md to the byte."""

import re
from pathlib import Path

import pytest

from tests.support.feed_sources import KEY, manifest, sealed, source
from verifier.contract.cbor import encode
from verifier.contract.errors import MalformedError
from verifier.contract.feed import MAX_MANIFEST_BYTES, digest_of, next_digest, read_manifest
from verifier.errors import FeedCause
from verifier.feeds.batches import FIRST_CHAIN, next_chain, open_manifest
from verifier.feeds.reports import LineFault

DOCUMENT = (Path(__file__).parents[3] / "docs" / "feeds.md").read_text(encoding="utf-8")


def fenced(kind: str) -> str:
    """Return the fenced block of a kind."""
    (block,) = re.findall(rf"^```{kind}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_worked_example_is_what_the_product_makes() -> None:
    """Digest line by line, the signed manifest, and the chain after it."""
    text = fenced("ndjson").encode()
    first, whole = fenced("digest").split()
    assert next_digest(bytes(32), text.splitlines(keepends=True)[0]).hex() == first
    assert digest_of(text).hex() == whole
    signed = bytes.fromhex(fenced("manifest").replace("\n", ""))
    assert signed == sealed(manifest(text), KEY)
    assert len(signed) <= MAX_MANIFEST_BYTES
    assert open_manifest(signed, source()) == manifest(text)
    assert next_chain(FIRST_CHAIN.hex(), 1, whole) == fenced("chain").strip()


def test_the_document_names_every_cause_and_fault() -> None:
    """A sender finds each answer explained."""
    for word in (*FeedCause, *LineFault):
        assert f"`{word}`" in DOCUMENT, word


@pytest.mark.parametrize("text", [b"", b"\n", b"a", b"a\n", b"a\nb", b"\r\na\r\n", b"\n\n"])
def test_the_digest_is_over_lines(text: bytes) -> None:
    """Line feeds alone end lines; without lines it is zeros."""
    digest = bytes(32)
    for line in re.findall(rb"[^\n]*\n|[^\n]+", text):
        digest = next_digest(digest, line)
    assert digest_of(text) == digest


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": 1},
        {"iat": -1},
        {"lines": "2"},
        {"planes": []},
        {"planes": ["health", "health"]},
        {"digest": bytes(31)},
        {"form": "xml"},
        {"source": "A"},
        {"type": "bundle"},
    ],
)
def test_another_map_is_no_manifest(changes: dict[str, object]) -> None:
    """Types, bounds and members are exact."""
    right = {
        "type": "feed", "source": "aa", "batch": bytes(16), "sequence": 1, "iat": 1, "list": 1,
        "planes": ["health"], "form": "csv", "lines": 1, "octets": 1, "digest": bytes(32),
    }  # fmt: skip
    assert read_manifest(encode(right)).source == "aa"
    with pytest.raises(MalformedError):
        read_manifest(encode(right | changes))
    for name in right:
        with pytest.raises(MalformedError):
            read_manifest(encode({key: value for key, value in right.items() if key != name}))

"""Root documents signed offline: a description of a few lines, key files, and what they make.

    version = 2                        # the previous one's and one when left out
    days = 3650                        # how long it holds
    threshold = 1                      # how many root keys sign
    root_keys = ["root-a.pub.pem"]     # files beside the description: public keys, or private ones
    bundle_keys = ["bundle.pub.pem"]   # of which only the public half is used

TOML, or the same as JSON. A root file that is on its way stands for a description: then signatures
are added to it and nothing else is changed.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from deploy.local.errors import UsageError
from deploy.trust.store import MAX_KEY_BYTES, read, read_key
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.errors import MalformedError
from verifier.errors import BundleRefused
from verifier.issuing import signing_key
from verifier.issuing.roots import (
    RootChange,
    Signatures,
    compared,
    cosigned,
    signatures,
    signed,
    taken_after,
)
from verifier.trust.keys import bind, spki_of
from verifier.trust.lists import read_signers
from verifier.trust.root import open_root_file

MAX_DESCRIPTION_BYTES: Final = 64 * 1024
"""Bytes of a description, or of a root file: 16 signatures over 32 keys take 50 KB."""
MAX_DAYS: Final = 20 * 366
"""Days a root may hold: longer than any key should live."""
_DAY: Final = 86_400
_PRIVATE: Final = b"PRIVATE KEY"
_ARRAYS: Final = range(0x80, 0xA0)
"""First bytes of a root file: a CBOR array; no TOML or JSON begins so."""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a root document shall say."""

    root_keys: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=16)]
    bundle_keys: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=16)]
    days: Annotated[int, msgspec.Meta(ge=1, le=MAX_DAYS)]
    version: Annotated[int, msgspec.Meta(ge=1)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoot:
    """A root file, complete or on its way."""

    content: bytes
    change: RootChange
    signatures: Signatures


def sign_root(
    description: Path, keys: Sequence[Path], previous: Path | None, now: int
) -> SignedRoot:
    """Make a root file, or add signatures to one; what is complete has been taken by a gate.

    Raises:
        UsageError: a file that is not what it must be, or a root that no gate would take.
    """
    content = read(description, MAX_DESCRIPTION_BYTES)
    before = None if previous is None else read(previous, MAX_DESCRIPTION_BYTES)
    signers = [read_key(path) for path in keys]
    try:
        old = None if before is None else open_root_file(before)[0]
        if content[:1] and content[0] in _ARRAYS:
            made = cosigned(content, signers)
        else:
            made = signed(_document(_read(content), description.parent, old, now), signers)
        found = signatures(made, old)
        if found.complete:
            taken_after(before, made, now)
        change = compared(old, open_root_file(made)[0])
    except (MalformedError, BundleRefused) as error:
        raise UsageError(f"{description}: {error}") from error
    return SignedRoot(content=made, change=change, signatures=found)


def _read(content: bytes) -> Description:
    """Read a description, TOML or JSON.

    Raises:
        MalformedError: it is neither, or says something else.
    """
    try:
        text = content.decode()
        json = text.lstrip().startswith("{")
        values: Any = msgspec.json.decode(text) if json else tomllib.loads(text)
        return msgspec.convert(values, Description)
    except (ValueError, RecursionError) as error:  # msgspec's and tomllib's are ValueErrors
        raise MalformedError(str(error)) from error


def _document(told: Description, folder: Path, old: RootDocument | None, now: int) -> RootDocument:
    following = 1 if old is None else old.version + 1
    return RootDocument(
        type="root",
        version=following if told.version is None else told.version,
        iat=now,
        exp=now + told.days * _DAY,
        root_keys=tuple(_public(folder / name) for name in told.root_keys),
        threshold=told.threshold,
        bundle_keys=tuple(_public(folder / name) for name in told.bundle_keys),
    )


def _public(path: Path) -> RootKey:
    content = read(path, MAX_KEY_BYTES)
    if _PRIVATE in content:
        return RootKey(spki=signing_key.load(content).spki)
    found = read_signers(content, str(path))
    if len(found.offers) != 1 or found.unusable:
        why = found.unusable[0].why if found.unusable else "not exactly one public key"
        raise MalformedError(f"{path}: {why}")
    bind(found.offers[0].public)
    return RootKey(spki=spki_of(found.offers[0].public))

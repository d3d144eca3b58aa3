"""Opening what is signed: bytes to envelope, signature, content; what fails is MALFORMED.

Which key may sign what is `bundle.py`'s to say; content is read only after its signature held.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from verifier.contract.bundle import BundleDocument, Document, read_document
from verifier.contract.envelope import Envelope, SignedUse, take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.errors import BundleCause, BundleRefused, ProfileError
from verifier.policy.rules import RuleError
from verifier.trust.keys import TrustedKey, VerifyKey

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedKind:
    """What must be known of a kind of bundle to take one."""

    word: str
    """How its names begin, and the type that its documents state."""
    use: SignedUse = SignedUse.BUNDLE
    """What the signature is made for."""
    key_use: str | None = None
    """Use that a key of the trust bundle must have to sign it; None: a bundle key of the root."""
    lists: Callable[[Any], Iterable[int]] = field(default=lambda _: ())
    """Which status lists a document speaks for; where a key of the trust bundle signs it, the key
    must be granted all of them. Needed beside `key_use`."""
    document: type[BundleDocument] = BundleDocument
    """Members of its documents."""
    opener: Callable[[Any], Any] = field(default=lambda document: document)
    """Makes a document ready for use; raises MalformedError or ProfileError if it cannot."""


def opened(opening: Callable[[], Value]) -> Value:
    """Open a document's content; what does not hold refuses the whole document.

    Raises:
        BundleRefused: MALFORMED.
    """
    try:
        return opening()
    except (MalformedError, ProfileError, RuleError) as error:
        raise BundleRefused(BundleCause.MALFORMED, str(error)) from error


def taken_apart(data: bytes) -> Envelope:
    """Read an envelope; verifies nothing.

    Raises:
        BundleRefused: MALFORMED.
    """
    return opened(lambda: take_apart(data))


def holds(envelope: Envelope, use: SignedUse, key: VerifyKey) -> bool:
    """Say whether a key made this signature for this use."""
    if key.algorithm != envelope.algorithm:
        return False
    message = to_be_signed(use, envelope.protected, envelope.payload)
    return key.verify(message, envelope.signature)


def document_in(envelope: Envelope, kind: type[Document], type_name: str) -> Document:
    """Read a verified envelope's document.

    Raises:
        BundleRefused: MALFORMED.
    """
    return opened(lambda: read_document(envelope.payload, kind, type_name))


def read_by(reading: Callable[[bytes], Value], envelope: Envelope) -> Value:
    """Read a verified envelope's payload by a function of the contract.

    Raises:
        BundleRefused: MALFORMED.
    """
    return opened(lambda: reading(envelope.payload))


def check_lists(key: TrustedKey, lists: Iterable[int]) -> None:
    """Ask that a key speaks only for the status lists that the trust bundle grants it.

    Raises:
        BundleRefused: WRONG_USE.
    """
    if key.lists is not None and not key.lists.issuperset(lists):
        raise BundleRefused(BundleCause.WRONG_USE, "a list this key may not publish")

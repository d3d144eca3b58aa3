"""Holders' keys as requests carry them: a COSE_Key, in the one form that a `cnf` claim has."""

import binascii
from base64 import b64decode
from http import HTTPStatus
from typing import Any, NamedTuple

from runtime.http.problems import Problem
from verifier.codes.city import load_confirmation
from verifier.contract.cbor import decode, encode
from verifier.contract.errors import MalformedError
from verifier.trust.keys import VerifyKey


class BoundKey(NamedTuple):
    """A key that a credential is to be bound to."""

    key: VerifyKey
    confirmation: dict[int, Any]
    """COSE_Key, as the `cnf` claim has it."""

    @property
    def kid(self) -> bytes:
        """First 8 bytes of its RFC 9679 thumbprint."""
        return self.key.kid


def read_octets(text: str) -> bytes:
    """Read base64.

    Raises:
        MalformedError: it is none.
    """
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not base64") from error


def load_key(data: bytes) -> BoundKey:
    """Load exactly the COSE_Key that a `cnf` claim holds, of a usable point.

    Raises:
        MalformedError: another form, or no key.
    """
    key = load_confirmation(data)
    confirmation: dict[int, Any] = decode(data)
    if encode(confirmation) != data:
        raise MalformedError("another form than a claim's")
    return BoundKey(key, confirmation)


def key_of_field(text: str, field: str) -> BoundKey:
    """Read a key out of a request.

    Raises:
        Problem: 400 holder.key.
    """
    try:
        return load_key(read_octets(text))
    except MalformedError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "holder.key", field=field) from error

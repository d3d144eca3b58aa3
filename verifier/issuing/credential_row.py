"""What is kept of a credential that somebody holds: enough to list, replace and revoke it.

A row is 12 bytes: credential index (4, big-endian), hour of expiry and form (3: the hour since
1970 times four, plus the form), and 5 bytes that say what it is bound to: the beginning of the
thumbprint of the holder's key, zeros for a static one, for a proxy the person index of the guardian
(4) and the first byte of the thumbprint. Nothing that the credential says is kept
(docs/store-verifier.md).
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from verifier.contract.errors import MalformedError

ROW_BYTES: Final = 12
MARK_BYTES: Final = 5
"""Bytes of a thumbprint: it tells the few keys of one person apart, and proves nothing."""
MAX_HELD: Final = 16
"""Credentials of one person that have not expired: phones, papers, proxies, emergency codes."""
UNBOUND: Final = bytes(MARK_BYTES)
"""In place of a thumbprint: a static credential."""
_HOUR: Final = 3600
_ROW: Final = struct.Struct(">IBH5s")


class CredentialForm(IntEnum):
    """In which form a credential is held."""

    PHONE = 0
    """Bound to a key of the person's own phone."""
    PAPER = 1
    """Static."""
    PROXY = 2
    """Bound to the key of somebody who carries it for the person."""
    EMERGENCY = 3
    """Static and of few hours."""


class CredentialRow(NamedTuple):
    """A credential that somebody holds."""

    credential: int
    """Its index."""
    expires: int
    """Unix seconds, a full hour: the first one at which it has expired."""
    form: CredentialForm
    mark: bytes = UNBOUND
    """The first bytes of the thumbprint of the key it is bound to; of a proxy, see `guardian`."""

    @property
    def guardian(self) -> int | None:
        """Person index of who carries it: a proxy's only."""
        return int.from_bytes(self.mark[:4], "big") if self.form is CredentialForm.PROXY else None


def credential_row(
    credential: int, *, expires: int, form: CredentialForm, kid: bytes | None = None
) -> CredentialRow:
    """Describe a credential; its expiry is rounded up to the hour. `kid` None: a static one."""
    mark = UNBOUND if kid is None else mark_of(kid)
    return CredentialRow(credential, -(-expires // _HOUR) * _HOUR, form, mark)


def carried(credential: int, *, expires: int, kid: bytes, guardian: int) -> CredentialRow:
    """Describe a proxy on the phone of a guardian."""
    row = credential_row(credential, expires=expires, form=CredentialForm.PROXY)
    return row._replace(mark=guardian.to_bytes(4, "big") + kid[:1])


def mark_of(kid: bytes) -> bytes:
    """Return what is kept of a key's kid."""
    return kid[:MARK_BYTES]


def pack_held(row: CredentialRow) -> bytes:
    """Write a row.

    Raises:
        MalformedError: a value that a row has no room for.
    """
    hours = (row.expires // _HOUR) << 2 | row.form
    try:
        if len(row.mark) != MARK_BYTES:
            raise MalformedError("a thumbprint of another length")
        return _ROW.pack(row.credential, hours >> 16, hours & 0xFFFF, row.mark)
    except struct.error as error:
        raise MalformedError("a value that a row has no room for") from error


def unpack_held(packed: bytes) -> tuple[CredentialRow, ...]:
    """Read rows, one after another.

    Raises:
        MalformedError: not a whole number of rows.
    """
    if len(packed) % ROW_BYTES:
        raise MalformedError("not a whole number of rows")
    return tuple(
        CredentialRow(index, (high << 14 | low >> 2) * _HOUR, CredentialForm(low & 3), mark)
        for index, high, low, mark in _ROW.iter_unpack(packed)
    )

"""A bundle on its way: what has come of it stays when the line breaks, and is continued. Pure.

The first request takes all of it, packed if the centre likes; one after a broken line asks for the
rest of the very same bytes (`If-Range` with their tag, RFC 9110 13.1.5). Another tag, another
length or another beginning than asked for: everything is fetched anew. What comes out is judged by
`bundles.py` as if it had come at once.
"""

import re
import zlib
from collections.abc import Mapping
from typing import Final

from verifier.contract.bundle import MAX_BUNDLE_BYTES

_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", re.ASCII)
_GZIP_WINDOW: Final = 31
"""What zlib calls a gzip stream."""


class DownloadError(Exception):
    """The centre's answer is not what was asked for."""


class Download:
    """One bundle, from the first request to its last byte."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._data = bytearray()
        self._tag: str | None = None
        """Names the bytes; None: nothing came that can be continued."""
        self._packed = False

    def headers(self, digest: bytes | None) -> dict[str, str]:
        """Return the headers of the next request; `digest` is of the bundle in use."""
        if self._tag is not None and self._data:
            return {
                "Accept-Encoding": "gzip" if self._packed else "identity",
                "If-Range": self._tag,
                "Range": f"bytes={len(self._data)}-",
            }
        known = {} if digest is None else {"If-None-Match": f'"{digest.hex()}"'}
        return {"Accept-Encoding": "gzip, identity;q=0.5"} | known

    def began(self, headers: Mapping[str, str], *, partial: bool) -> None:
        """Take the head of an answer with bytes in it: all of them (200), or a part (206).

        Raises:
            DownloadError: not the rest that was asked for, or under a coding that was not.
        """
        coding = headers.get("Content-Encoding", "identity").lower()
        tag = headers.get("ETag")
        if partial:
            found = _RANGE.fullmatch(headers.get("Content-Range", ""))
            begins = None if found is None else int(found[1])
            if self._tag is None or tag != self._tag or begins != len(self._data):
                self.forget()
                raise DownloadError("another part than asked for")
            return
        self.forget()
        if coding not in ("identity", "gzip"):
            raise DownloadError("a coding that was not asked for")
        self._packed = coding == "gzip"
        self._tag = tag if tag is not None and tag.startswith('"') else None

    def took(self, octets: bytes) -> None:
        """Take bytes as they come.

        Raises:
            DownloadError: more than a bundle may have.
        """
        if len(self._data) + len(octets) > MAX_BUNDLE_BYTES:
            self.forget()
            raise DownloadError("a bundle longer than agreed")
        self._data += octets

    def done(self) -> bytes:
        """Return the bundle, unpacked, now that its last byte has come.

        Raises:
            DownloadError: it does not unpack, or to more than a bundle may have.
        """
        data, packed = bytes(self._data), self._packed
        self.forget()
        if not packed:
            return data
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            unpacked = stream.decompress(data, MAX_BUNDLE_BYTES + 1)
        except zlib.error as error:
            raise DownloadError("not the packed form that it says it is") from error
        if len(unpacked) > MAX_BUNDLE_BYTES or not stream.eof or stream.unused_data:
            raise DownloadError("not the packed form that it says it is")
        return unpacked

    def forget(self) -> None:
        """Begin anew."""
        self._data.clear()
        self._tag, self._packed = None, False

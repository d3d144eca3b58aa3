"""aiohttp's handler, given the bytes of one request at a time; what is behind them waits.

Clients may send requests ahead (RFC 9112, 9.3.2). aiohttp's parser forgets the good requests that
it read from the same bytes as a bad one. Here it never sees the two together.
"""

import re
from typing import Any, Final

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestHandler

from runtime.http.lane import END

MAX_HELD_BYTES: Final = 64 * 1024
"""Bytes that a client may send ahead while it is answered; more waits in the kernel."""
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_SEAM: Final = len(END) - 1
_LENGTH: Final = re.compile(rb"\r\nContent-Length: ?([0-9]{1,9})\r\n", re.IGNORECASE)


class SequentialHandler(RequestHandler):
    """Reads a request only when the one before it has come whole and is answered."""

    __slots__ = ("_body", "_held", "_left", "_owed", "_seam")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held = b""
        """What was sent ahead."""
        self._owed = False
        """A request was read that is not answered yet."""
        self._body: Any = None
        """The body of the request that was read last, as aiohttp's stream."""
        self._left: int | None = 0
        """Bytes of the body that are still to come; None: it comes in chunks."""
        self._seam = b""
        """The end of the bytes before, in which the end of a head may have begun."""

    def take(self, data: bytes) -> None:
        """Give aiohttp what belongs to the request under way, or the next one; hold the rest."""
        if not data:
            super().data_received(data)  # aiohttp goes on with a body that it had paused
            if not self._held:
                return
        if self._held:
            data, self._held = self._held + data, b""
        elif self._is_one(data):
            self._feed(data, len(data) - data.find(END) - len(END))
            return
        at = 0
        while at < len(data):
            end = self._end_of_piece(data, at)
            if end == at:
                break
            self._feed(data[at:end])
            at = end
        self.hold(data[at:])

    def _is_one(self, data: bytes) -> bool:
        """Say whether bytes are one plain request, as most are: head, length, and its body."""
        if self._owed or self._seam or not (self._body is None or self._body.is_eof()):
            return False
        at = data.find(END)
        length = _LENGTH.search(data, 0, at + 2) if at > 0 else None
        return length is not None and int(length[1]) == len(data) - at - len(END)

    def _end_of_piece(self, data: bytes, at: int) -> int:
        """Return where the bytes end that aiohttp may have now; `at`: none of them."""
        if self._payload_parser is not None:
            return len(data)  # frames of a stream
        whole = self._body is None or self._body.is_eof()
        if whole and self._owed:
            return at
        if not whole and self._left is not None:
            return min(len(data), at + self._left)
        if not whole and self._reading_paused:
            return at
        # A head ends with an empty line, and so does the last chunk of a body.
        joined = (self._seam + data[at : at + _SEAM]).find(END)
        if joined >= 0:
            return at + joined + len(END) - len(self._seam)
        found = data.find(END, at)
        return len(data) if found < 0 else found + len(END)

    def _feed(self, piece: bytes, of_body: int = 0) -> None:
        """Give aiohttp some bytes; behind a head there may be so many of its body."""
        if self._left:
            self._left -= len(piece)
        else:
            self._seam = b"" if piece.endswith(END) else (self._seam + piece)[-_SEAM:]
        before, body = self._request_count, self._body
        super().data_received(piece)
        if self._request_count == before or not self._messages:
            return
        read, self._body = self._messages[-1]
        message: Any = read
        self._owed, self._seam = True, b""
        self._left = 0
        chunked = getattr(message, "chunked", None)
        if chunked:
            self._left = None
        elif chunked is not None:
            self._left = int(message.headers.get("Content-Length", "0")) - of_body
        elif body is not None and not body.is_eof():
            # It is no HTTP and was to be the rest of a body: who waits for that waits in vain.
            body.set_exception(web.RequestPayloadError("malformed"))

    def hold(self, data: bytes) -> None:
        """Keep bytes for later; a client that sends too far ahead waits in the kernel."""
        self._held = data
        if len(data) > MAX_HELD_BYTES:
            self._pause_transport_reading()

    def answered(self, *, last: bool) -> None:
        """Say that the request is answered; what was sent ahead is read now, but for the last."""
        self._owed = False
        held, self._held = self._held, b""
        if held and not last:
            self._resume_transport_reading()
            self.data_received(held)

    def release(self) -> None:
        """Read what was sent ahead: a stream has begun, and these are its frames."""
        self._resume_transport_reading()
        self.take(b"")

    def invite(self) -> None:
        """Ask for a body that the client keeps back until it is asked for (RFC 9110, 10.1.1)."""
        if self.transport is not None:
            self.transport.write(CONTINUE)


def expects(request: web.BaseRequest) -> bool:
    """Say whether a client keeps its body back until it is asked for."""
    waits = "Expect" in request.headers and request.version >= HttpVersion11
    return waits and not request.content.is_eof() and not request.content.total_bytes

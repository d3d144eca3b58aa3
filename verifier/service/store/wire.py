"""One lean connection to Redis for scans: packed commands out, replies in the order of commands.

Only bytes and callbacks live here. redis-py costs several times more a command, and scans are all
that is asked often; everything else goes through it. When the connection ends, whatever is
unanswered gets an Outage for its reply: it may or may not have happened.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Final

import hiredis

from verifier.errors import Outage

_NOTHING: Final = object()
AWAY: Final = "the store is away"

Landed = Callable[[Any], None]
"""Takes the reply: a value, a ReplyError, or an Outage."""

pack_command: Final[Callable[[tuple[Any, ...]], bytes]] = hiredis.pack_command


class StoreRefused(Outage):
    """The store is there and refuses us: user or password are wrong."""


class _Sent:
    """Commands that went out together."""

    __slots__ = ("landed", "unanswered")

    def __init__(self, unanswered: int, landed: Callable[[], None]) -> None:
        self.unanswered = unanswered
        self.landed = landed


def _nothing() -> None:
    """Do nothing; for a command that flies alone."""


class Wire(asyncio.Protocol):
    """A connection; `lost` is called once when it ends."""

    def __init__(self, lost: Callable[["Wire"], None]) -> None:
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._waiting: deque[Landed] = deque()
        self._sent: deque[_Sent] = deque()
        self._transport: asyncio.Transport | None = None
        self._lost = lost

    @property
    def open(self) -> bool:
        """Say whether commands can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a stream's is a Transport

    def data_received(self, data: bytes) -> None:
        """Answer the commands in their order."""
        self._reader.feed(data)
        reply, answered = self._reader.gets(), 0
        while reply is not _NOTHING:
            self._hand(self._waiting.popleft(), reply)
            reply, answered = self._reader.gets(), answered + 1
        while answered:
            first = self._sent[0]
            taken = min(answered, first.unanswered)
            first.unanswered -= taken
            answered -= taken
            if not first.unanswered:
                self._sent.popleft().landed()

    def connection_lost(self, _error: Exception | None) -> None:
        """Fail what is unanswered."""
        self._transport = None
        waiting, self._waiting = self._waiting, deque()
        sent, self._sent = self._sent, deque()
        self._lost(self)
        for landed in waiting:
            self._hand(landed, Outage(AWAY))
        for flight in sent:
            flight.landed()

    def send(
        self, commands: bytes, landings: Collection[Landed], landed: Callable[[], None]
    ) -> None:
        """Send packed commands; each landing gets its reply.

        `landed` is called once, when all are answered or the connection has ended.
        """
        if self._transport is None:
            raise Outage(AWAY)
        self._waiting.extend(landings)
        self._sent.append(_Sent(len(landings), landed))
        self._transport.write(commands)

    def _hand(self, landing: Landed, reply: Any) -> None:
        try:
            landing(reply)
        except Exception as error:  # noqa: BLE001 - one scan's fault must not lose the others'
            context = {"message": "a reply could not be used", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    async def ask(self, *words: str | bytes | int) -> Any:
        """Send one command and wait for its reply.

        Raises:
            Outage: the connection ended, or Redis answered an error.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def landed(reply: Any) -> None:
            if not future.done():  # whoever asked may have given up waiting
                future.set_result(reply)

        self.send(pack_command(words), [landed], _nothing)
        reply = await future
        if isinstance(reply, Outage):
            raise reply
        if isinstance(reply, hiredis.ReplyError):
            raise Outage(f"the store refused {words[0]!s}")
        return reply

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()


async def connect(
    path: str, user: str, password: str, *, lost: Callable[[Wire], None], seconds: float
) -> Wire:
    """Connect and authenticate within `seconds`.

    Raises:
        StoreRefused: it does not take the user or the password.
        Outage: it is not there, or is loading.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            _, wire = await loop.create_unix_connection(lambda: Wire(lost), path)
            try:
                await _introduce(wire, user, password)
                await wire.ask("PING")
            except BaseException:
                wire.abort()
                raise
    except (OSError, TimeoutError) as error:
        raise Outage(AWAY) from error
    return wire


async def _introduce(wire: Wire, user: str, password: str) -> None:
    try:
        await wire.ask("AUTH", user, password)
    except Outage as error:
        if wire.open:
            raise StoreRefused("the store refuses the user or the password") from error
        raise

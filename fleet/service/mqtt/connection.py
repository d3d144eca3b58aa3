"""One MQTT session, by paho 2.2, driven by the event loop's readers and writers.

MQTT 3.1.1, not 5. A message costs paho 21 µs in 3.1.1 and 32 µs in 5, and what 5 adds is not needed
here: a command carries its own expiry, which the terminal must check anyway, and terminals use
clean sessions, so the broker never keeps a command for one that is away; a refused publish shows in
the ACL's tests, not in a reason code. Firmware stacks all speak 3.1.1.

The session is persistent (clean session off) under the id of its shard: whoever serves the shard
gets what was not acknowledged. Acknowledging is by hand, after the store. Connecting and the TLS
handshake block inside paho, so they run in a thread; everything else runs on the loop. paho has no
jitter of its own, so reconnecting is done here.
"""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from fleet.arrivals import Arrival
from fleet.contract.servers import ServerName
from fleet.service.settings import MqttSettings
from runtime.settings import SettingsError
from runtime.tls import RenewableContext, client_context

KEEPALIVE_S: Final = 60
"""Seconds; the broker gives a silent connection up after half as much again."""
CONNECT_TIMEOUT_S: Final = 4.0
"""Seconds for TCP, TLS and CONNACK; below the 5 s in which the process must stop."""
FIRST_WAIT_S: Final = 0.5
MAX_WAIT_S: Final = 15.0
"""Longest backoff; few services reconnect, so much shorter than a terminal's 300 s."""
MISC_S: Final = 1.0
"""Seconds between looks at the keepalive."""
READ_AT_ONCE: Final = 100
"""Packets read before other tasks get a turn."""
MAX_INFLIGHT: Final = 20
"""Unacknowledged publishes; a larger window measured slower. Only so many are given to paho: it
reads as many packets in a row as it has publishes, whoever wants to pause."""
MAX_UNSENT: Final = 20_000
"""Publishes waiting for the window; more are dropped and sent again at the terminal's birth."""


class LostError(Exception):
    """The connection broke, or could not be made."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What to acknowledge: a packet id and the connection it is valid on."""

    connection: int
    mid: int


Deliver = Callable[[Arrival, Receipt | None], None]
"""Takes a message; the receipt is None at QoS 0. Must not raise."""


def tls_context(settings: MqttSettings) -> RenewableContext:
    """Build the context of mutual TLS with the broker.

    Raises:
        SettingsError: a file is missing or holds something else.
    """
    try:
        return client_context(
            ServerName.BROKER, ca=settings.ca, certificate=settings.certificate, key=settings.key
        )
    except OSError as error:
        raise SettingsError(f"$.mqtt: cannot use ca, certificate or key: {error}") from error


class Session:
    """A persistent session: connects, connects again, delivers, publishes, acknowledges."""

    def __init__(
        self,
        *,
        client_id: str,
        settings: MqttSettings,
        subscriptions: tuple[tuple[str, int], ...],
        deliver: Deliver,
    ) -> None:
        self._settings = settings
        self._subscriptions = list(subscriptions)
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._connection = 0
        self._received = 0
        self._fd: int | None = None
        self._paused = False
        self._connack: asyncio.Future[bool] | None = None
        self._suback: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._tls = tls_context(settings)
        self._flying: set[int] = set()
        """Publishes that paho has and the broker has not acknowledged."""
        self._unsent: deque[tuple[str, bytes, int]] = deque()
        self._client = self._build(client_id)

    @property
    def connected(self) -> bool:
        """Whether messages flow."""
        return self._fd is not None and not self._lost.is_set()

    def publish(self, topic: str, payload: bytes, qos: int) -> bool:
        """Hand a message to the broker; False when there is no connection or no room."""
        if not self.connected or len(self._unsent) >= MAX_UNSENT:
            return False
        if qos == 0:
            return self._client.publish(topic, payload, qos).rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        self._unsent.append((topic, payload, qos))
        self._send()
        return True

    def _send(self) -> None:
        """Give paho what the window has room for, in order."""
        while self._unsent and len(self._flying) < MAX_INFLIGHT:
            self._flying.add(self._client.publish(*self._unsent.popleft()).mid)

    def acknowledge(self, receipt: Receipt) -> None:
        """Send a PUBACK, unless the connection it belongs to is gone."""
        if receipt.connection == self._connection and self.connected:
            self._client.ack(receipt.mid, 1)

    def pause(self) -> None:
        """Stop reading; what the broker has sent waits in the connection, then in its queue."""
        if not self._paused:
            self._paused = True
            if self._fd is not None:
                self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            if self._fd is not None:
                self._loop.add_reader(self._fd, self._readable)
                # What TLS has decrypted already makes no socket readable.
                self._loop.call_soon(self._readable)

    async def serve(
        self,
        may_connect: Callable[[], Awaitable[bool]],
        on_connected: Callable[[bool], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """Keep the session connected until `may_connect` says no.

        `may_connect` is asked before every attempt: a successor's session must not be thrown off.
        `on_connected` hears whether the broker still had the session; `on_failed` why it broke.
        """
        wait = FIRST_WAIT_S
        while await may_connect():
            try:
                on_connected(await self._connect())
                wait = FIRST_WAIT_S
                await self._stay()
            except (LostError, OSError, ssl.SSLError) as error:
                on_failed(str(error) or type(error).__name__)
            finally:
                self._drop()
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - jitter, no secret
            wait = min(wait * 2, MAX_WAIT_S)

    async def close(self) -> None:
        """Leave the broker in order; the session stays there."""
        if self.connected:
            self._client.disconnect()
            self._writable()
        self._drop()

    def _build(self, client_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.tls_set_context(self._tls)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(MAX_INFLIGHT)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        return client

    async def _connect(self) -> bool:
        """Connect and subscribe; returns whether the broker had the session."""
        self._lost = asyncio.Event()
        self._connack = self._loop.create_future()
        self._suback = self._loop.create_future()
        self._connection += 1
        self._tls.refresh()  # a certificate that was renewed counts from the next connection on
        host, port = self._settings.host, self._settings.port
        await asyncio.to_thread(self._client.connect, host, port, KEEPALIVE_S)
        sock = self._client.socket()
        if sock is None:
            raise LostError("closed at once")
        self._fd = sock.fileno()
        if not self._paused:
            self._loop.add_reader(self._fd, self._readable)
        self._writable()
        if self._client.want_write():
            self._loop.add_writer(self._fd, self._writable)
        present = bool(await self._within(self._connack))
        # Also with a session: an older version may have subscribed to less.
        self._client.subscribe(self._subscriptions)
        await self._within(self._suback)
        return present

    async def _within(self, answer: "asyncio.Future[Any]") -> Any:
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait(
                (answer, lost), timeout=CONNECT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            lost.cancel()
        if not answer.done():
            raise LostError("lost while connecting" if self._lost.is_set() else "no answer in time")
        return answer.result()

    async def _stay(self) -> None:
        """Look after the keepalive until the connection is lost."""
        while not self._lost.is_set():
            self._client.loop_misc()
            try:
                async with asyncio.timeout(MISC_S):
                    await self._lost.wait()
            except TimeoutError:
                continue
        raise LostError("connection lost")

    def _drop(self) -> None:
        """Let go of the socket, whatever its state."""
        self._forget_socket()
        self._lost.set()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _forget_socket(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = None

    def _readable(self) -> None:
        """Read packets while they bring messages; a burst needs no wake-up for each."""
        for _ in range(READ_AT_ONCE):
            before = self._received
            if self._paused or self._fd is None:
                return
            self._client.loop_read()
            if self._received == before:
                break
        sock = self._client.socket()
        if self._fd is not None and isinstance(sock, ssl.SSLSocket) and sock.pending():
            self._loop.call_soon(self._readable)

    def _writable(self) -> None:
        if self._fd is not None:
            self._client.loop_write()

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _more: Any) -> None:
        if self._connack is not None and not self._connack.done():
            if reason.is_failure:
                self._connack.set_exception(LostError(f"refused: {reason}"))
            else:
                self._connack.set_result(bool(flags.session_present))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _more: Any) -> None:
        if self._suback is not None and not self._suback.done():
            if any(code.is_failure for code in codes):
                self._suback.set_exception(LostError("a subscription was refused"))
            else:
                self._suback.set_result(None)

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        self._received += 1
        receipt = Receipt(self._connection, message.mid) if message.qos else None
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\N{REPLACEMENT CHARACTER}"
        self._deliver(Arrival(topic, bytes(message.payload), message.retain), receipt)

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _more: Any) -> None:
        if mid in self._flying:
            self._flying.discard(mid)
            self._send()

    def _on_disconnect(self, *_: Any) -> None:
        self._lost.set()

    def _on_socket_close(self, *_: Any) -> None:
        # In the connecting thread paho lets go of an older socket: there is no fd here then.
        if self._fd is not None:
            self._forget_socket()
            self._lost.set()

    def _on_register_write(self, *_: Any) -> None:
        # In the connecting thread there is no fd here yet; _connect writes what is waiting.
        if self._fd is not None:
            self._loop.add_writer(self._fd, self._writable)

    def _on_unregister_write(self, *_: Any) -> None:
        if self._fd is not None:
            self._loop.remove_writer(self._fd)

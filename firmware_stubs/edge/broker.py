"""One connection to the broker: from CONNECT to its loss. paho, tamed.

A client object lives for one connection, since the will carries the epoch and paho's own reconnect
has no jitter. paho runs its own thread; everything it says arrives on the event loop through one
bounded queue. Only plain data crosses between the two.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fleet.contract.commands import RING_SIZE
from fleet.contract.messages import Will, encode
from fleet.contract.topics import (
    RULES,
    TerminalId,
    TopicName,
    identity_name,
    terminal_subscriptions,
    topic,
)

KEEPALIVE_S: Final = 60
"""Seconds; the broker notices a dead connection after one and a half of these."""
CONNECT_S: Final = 4.0
"""Seconds for TCP, TLS, CONNACK and SUBACK; below the 5 s in which the process must stop."""
LEAVE_S: Final = 1.0
"""Seconds for the last messages and the DISCONNECT."""
MAX_QUEUED: Final = 2 * RING_SIZE
"""Messages waiting for the event loop; more are dropped, the fleet repeats what is unfinished."""
MAX_SENDING: Final = 4096
"""Messages paho holds for sending: all that is kept for the fleet, twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message from the fleet."""

    topic: str
    payload: bytes
    retained: bool


class NotConnectedError(OSError):
    """The broker could not be reached, or did not let the terminal in."""


class BrokerConnection:
    """One connection with its will."""

    def __init__(self, terminal: TerminalId, tls: ssl.SSLContext, will: Will) -> None:
        self.inbox: asyncio.Queue[Arrived] = asyncio.Queue(maxsize=MAX_QUEUED)
        self.lost = asyncio.Event()
        """Set when the connection is gone, whoever ended it."""
        self.dropped = 0
        self._terminal = terminal
        self._generation = will.epoch.generation
        self._loop = asyncio.get_running_loop()
        self._subscribed = asyncio.Event()
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=identity_name(terminal, self._generation),
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.tls_set_context(tls)
        client.connect_timeout = CONNECT_S
        client.max_queued_messages_set(MAX_SENDING)
        rule = RULES[TopicName.WILL]
        client.will_set(self._topic(TopicName.WILL), encode(will), qos=rule.qos)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect

    async def open(self, host: str, port: int) -> None:
        """Connect and subscribe.

        Raises:
            NotConnectedError: it did not work; the connection is of no further use.
        """
        try:
            await asyncio.to_thread(self._client.connect, host, port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise NotConnectedError(type(error).__name__) from error
        self._client.loop_start()
        ready = asyncio.ensure_future(self._subscribed.wait())
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait(
                (ready, lost), timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
            lost.cancel()
        if self.lost.is_set() or not self._subscribed.is_set():
            await self.end()
            raise NotConnectedError("not let in")

    def publish(self, name: TopicName, payload: bytes) -> None:
        """Hand a message to the broker; what matters is repeated until the fleet acknowledges."""
        rule = RULES[name]
        self._client.publish(self._topic(name), payload, qos=rule.qos)

    def sever(self) -> None:
        """Lose the connection as a cut cable does: without a DISCONNECT, so the will is sent."""
        opened = self._client.socket()
        if opened is None:
            return
        # A duplicate, so that paho's own socket object is never touched from another thread.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(opened.fileno())) as raw:
            raw.shutdown(socket.SHUT_RDWR)

    async def end(self) -> None:
        """Leave in order and end paho's thread; a broker that does not listen is left at once."""
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await self.lost.wait()
        self.sever()
        await asyncio.to_thread(self._client.loop_stop)

    def _topic(self, name: TopicName) -> str:
        return str(topic(name, self._terminal, self._generation))

    def _tell(self, event: asyncio.Event) -> None:
        # The loop may be closed already when the process ends.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(event.set)

    def _on_connect(
        self,
        client: Client,
        userdata: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del userdata, flags, properties
        if reason.is_failure:
            self._tell(self.lost)
        else:
            client.subscribe(list(terminal_subscriptions(self._terminal, self._generation)))

    def _on_subscribe(
        self,
        client: Client,
        userdata: Any,
        mid: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        del client, userdata, mid, reasons, properties
        self._tell(self._subscribed)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        del client, userdata
        arrived = Arrived(
            topic=message.topic, payload=bytes(message.payload), retained=message.retain
        )
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._put, arrived)

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del client, userdata, flags, reason, properties
        self._tell(self.lost)

    def _put(self, arrived: Arrived) -> None:
        try:
            self.inbox.put_nowait(arrived)
        except asyncio.QueueFull:
            self.dropped += 1

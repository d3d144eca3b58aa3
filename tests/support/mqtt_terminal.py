"""A small terminal for tests, with the behaviour that docs/terminal-contract.md asks for.

It keeps `reported` and `result` until the fleet's ack names them, sends them again at birth, uses a
clean session and a new epoch at every connection. Its network thread is paho's; the test waits on
conditions.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from fleet.contract import messages, topics
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import ClockState, Epoch
from fleet.contract.topics import TerminalId, TopicName
from tests.support.broker import Broker, Credentials

WITHIN_S: Final = 20.0
"""Seconds to wait for anything; generous, machines are shared."""


@dataclass(slots=True)
class TestTerminal:
    """One terminal: connect, cut, answer commands, wait for what it hears."""

    __test__ = False

    name: str
    broker: Broker
    credentials: Credentials
    client_id: str = ""
    answers: bool = True
    """Whether it carries commands out at once."""
    generation: int = 1
    counter: int = 0
    boot: str = field(default_factory=lambda: secrets.token_hex(16))
    connected: bool = False
    subscribed: bool = False
    pubacks: int = 0
    acks: list[messages.Ack] = field(default_factory=list)
    commands: list[messages.Command] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    opened: int = 0
    """How often the gate opened."""
    news: list[messages.BundleNews] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    outbox: dict[int, messages.Result] = field(default_factory=dict)
    next_result: int = 1
    _client: paho.Client | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def epoch(self) -> Epoch:
        """Return the epoch of the present connection."""
        return Epoch(self.generation, self.counter)

    def connect(self, *, birth: bool = True, extra: tuple[str, ...] = ()) -> None:
        """Connect under a new epoch, subscribe, and send a birth and what is unacknowledged."""
        self.counter += 1
        self.connected = self.subscribed = False
        own = topics.identity_name(TerminalId(self.name), self.generation)
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id or own,
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.tls_set(
            ca_certs=str(self.credentials.ca),
            certfile=str(self.credentials.certificate),
            keyfile=str(self.credentials.key),
        )
        will = messages.Will(epoch=self.epoch, boot=self.boot)
        client.will_set(self.topic(TopicName.WILL), messages.encode(will), qos=1)
        mine = topics.terminal_subscriptions(TerminalId(self.name), self.generation)
        wanted = [*mine, *((t, 1) for t in extra)]

        def connected(_c: Any, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
            if not reason.is_failure:
                client.subscribe(wanted)
            self._set(connected=not reason.is_failure)

        client.on_connect = connected
        client.on_subscribe = lambda *_: self._set(subscribed=True)
        client.on_disconnect = lambda *_: self._set(connected=False)
        client.on_publish = lambda *_: self._puback()
        client.on_message = self._hear
        self._client = client
        client.connect(self.broker.host, self.broker.port, keepalive=30)
        client.loop_start()
        self.wait("subscribed", lambda: self.subscribed)
        if birth:
            self.send_birth()
            self.resend()

    def send_birth(self) -> None:
        """Publish a birth."""
        lowest = min(self.outbox, default=self.next_result)
        self.publish(
            TopicName.BIRTH,
            messages.Birth(
                epoch=self.epoch,
                boot=self.boot,
                at=_now(),
                clock=ClockState.OK,
                software=messages.Software(name="test", version="1"),
                bundles={"trust": 1},
                capabilities=("open_gate",),
                reported_from=1,
                result_from=lowest,
            ),
        )

    def send_beat(self) -> None:
        """Publish a heartbeat."""
        self.publish(
            TopicName.BEAT,
            messages.Beat(
                epoch=self.epoch,
                boot=self.boot,
                at=_now(),
                clock=ClockState.OK,
                uptime_s=1,
                outbox=0,
                verifier_online=True,
                counters={},
            ),
        )

    def send_result(
        self, command: str, state: ResultState, code: ResultCode = ResultCode.OK
    ) -> None:
        """Keep a result and publish it."""
        result = messages.Result(
            epoch=self.epoch,
            boot=self.boot,
            sequence=self.next_result,
            at=_now(),
            command=command,
            state=state,
            code=code,
        )
        self.next_result += 1
        self.outbox[result.sequence] = result
        self.publish(TopicName.RESULT, result)

    def send_reported(self) -> None:
        """Publish what is applied, as the first of its sequence."""
        self.publish(
            TopicName.REPORTED,
            messages.Reported(
                epoch=self.epoch,
                boot=self.boot,
                sequence=1,
                at=_now(),
                desired_version=0,
                desired_digest=None,
                bundles={"trust": 1},
            ),
        )

    def resend(self) -> None:
        """Publish what is not acknowledged, in order."""
        for sequence in sorted(self.outbox):
            self.publish(TopicName.RESULT, self.outbox[sequence])

    def publish(self, name: TopicName, message: messages.Message) -> None:
        """Publish a message of the contract on one's own topic."""
        self.publish_raw(self.topic(name), messages.encode(message), topics.RULES[name].qos)

    def publish_raw(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Publish anything anywhere."""
        assert self._client is not None
        self._client.publish(topic, payload, qos)

    def topic(self, name: TopicName) -> str:
        """Return one of the terminal's topics."""
        return str(topics.topic(name, TerminalId(self.name), self.generation))

    def cut(self) -> None:
        """Lose the connection without a word; the broker publishes the will."""
        client = self._client
        assert client is not None
        sock = client.socket()
        if sock is not None:
            sock.close()
        client.loop_stop()
        self._client = None
        self.connected = False

    def close(self) -> None:
        """Stop the network thread, in whatever state."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def wait(self, what: str, condition: Callable[[], bool], within: float = WITHIN_S) -> None:
        """Wait until `condition()` holds."""
        with self._changed:
            if not self._changed.wait_for(condition, within):
                raise AssertionError(f"{self.name}: did not happen in {within} s: {what}")

    def _hear(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload)
        with self._changed:
            self.heard.append(message.topic)
            name = topics.parse(message.topic).name
            if name is TopicName.ACK:
                ack = messages.read(messages.Ack, payload)
                self.acks.append(ack)
                self.outbox = {at: each for at, each in self.outbox.items() if at > ack.result}
            elif name is TopicName.BUNDLE:
                self.news.append(messages.read(messages.BundleNews, payload))
            elif name is TopicName.COMMAND:
                self._obey(messages.read(messages.Command, payload))
            self._changed.notify_all()

    def _obey(self, command: messages.Command) -> None:
        self.commands.append(command)
        if self.answers and command.id not in self.done:
            self.done.add(command.id)
            self.opened += 1
            self.send_result(command.id, ResultState.SUCCEEDED)

    def _puback(self) -> None:
        with self._changed:
            self.pubacks += 1
            self._changed.notify_all()

    def _set(self, **values: bool) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(self, name, value)
            self._changed.notify_all()


def _now() -> int:
    return time.time_ns() // 1_000_000

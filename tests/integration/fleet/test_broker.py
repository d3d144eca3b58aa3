"""What the broker lets a terminal do, with the product's ACL and certificates on the real one."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from fleet import identity
from fleet.contract.topics import TerminalId, TopicName, shard_of, topic
from tests.support.broker import Broker, Credentials, broker
from tests.support.mqtt_terminal import TestTerminal

WITHIN_S = 20.0
ACK = b'{"generation":1,"reported":0,"result":0}'


@pytest.fixture(scope="module")
def running() -> Iterator[Broker]:
    """Run one broker for the file."""
    with broker() as each:
        yield each


class Watcher:
    """The fleet's side: reads everything that terminals may send."""

    def __init__(self, running: Broker) -> None:
        self.heard: list[str] = []
        self.changed = threading.Condition()
        self.subscribed = threading.Event()
        files = running.service("fleet")
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="watcher")
        self.client.tls_set(str(files.ca), str(files.certificate), str(files.key))
        self.client.on_message = self._hear
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.connect(running.host, running.service_port)
        self.client.loop_start()
        self.client.subscribe("kapok/up/#", 1)
        assert self.subscribed.wait(WITHIN_S)

    def await_topic(self, name: str) -> None:
        """Wait until a topic was heard."""
        with self.changed:
            assert self.changed.wait_for(lambda: name in self.heard, WITHIN_S)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        with self.changed:
            self.heard.append(message.topic)
            self.changed.notify_all()


@pytest.fixture
def watcher(running: Broker) -> Iterator[Watcher]:
    """Connect as the fleet."""
    each = Watcher(running)
    yield each
    each.close()


@pytest.fixture
def pair(running: Broker) -> Iterator[tuple[TestTerminal, TestTerminal]]:
    """Connect two terminals."""
    both = [TestTerminal(name, running, running.terminal(name)) for name in ("gate-a", "gate-b")]
    for each in both:
        each.connect(birth=False)
    yield both[0], both[1]
    for each in both:
        each.close()


def test_terminal_cannot_publish_as_another(
    pair: tuple[TestTerminal, TestTerminal], watcher: Watcher
) -> None:
    """What B publishes on A's topics, or on the fleet's, never arrives; its own does."""
    first, second = pair
    forbidden = [
        str(topic(name, TerminalId("gate-a"), 1))
        for name in TopicName
        if name is not TopicName.BUNDLE
    ]
    forbidden += [str(topic(TopicName.BUNDLE)), "kapok/up/0/gate-b.1/birth/more", "other"]
    for name in forbidden:
        second.publish_raw(name, b"{}")
    second.publish_raw(second.topic(TopicName.RESULT), b"{}")
    watcher.await_topic(second.topic(TopicName.RESULT))
    assert watcher.heard == [second.topic(TopicName.RESULT)]
    assert not first.heard


def test_terminal_hears_only_its_own(
    pair: tuple[TestTerminal, TestTerminal], watcher: Watcher
) -> None:
    """A subscription to another's topics, or to everything, brings nothing of another's."""
    first, second = pair
    second.close()
    second.connect(birth=False, extra=("kapok/#", "kapok/down/gate-a.1/ack"))
    watcher.client.publish(str(topic(TopicName.ACK, TerminalId("gate-a"), 1)), ACK, 1)
    watcher.client.publish(str(topic(TopicName.ACK, TerminalId("gate-b"), 1)), ACK, 1)
    second.wait("its own ack", lambda: bool(second.acks))
    first.wait("its own ack", lambda: bool(first.acks))
    assert {each for each in second.heard if "gate-a" in each} == set()


def test_client_id_is_the_certificate_name(
    pair: tuple[TestTerminal, TestTerminal], watcher: Watcher
) -> None:
    """B with A's client id stays B: A is not thrown off and keeps its queue."""
    first, second = pair
    second.close()
    second.client_id = "gate-a.1"
    second.connect(birth=False)
    watcher.client.publish(str(topic(TopicName.ACK, TerminalId("gate-a"), 1)), ACK, 1)
    first.wait("its ack", lambda: bool(first.acks))
    assert first.connected
    assert not second.acks


def _connect(running: Broker, port: int, files: Credentials | None) -> bool:
    """Return whether CONNECT succeeds."""
    answered = threading.Event()
    accepted: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="x", reconnect_on_failure=False)
    ca = running.directory / "service-ca.pem"
    if files is None:
        client.tls_set(str(ca))
    else:
        client.tls_set(str(ca), str(files.certificate), str(files.key))

    def connected(_c: object, _d: object, _f: object, reason: object, _p: object) -> None:
        accepted.append(not reason.is_failure)  # type: ignore[attr-defined]
        answered.set()

    client.on_connect = connected
    client.on_disconnect = lambda *_: answered.set()
    try:
        client.connect(running.host, port)
    except (OSError, ssl.SSLError):
        return False
    client.loop_start()
    assert answered.wait(WITHIN_S)
    client.disconnect()
    client.loop_stop()
    return accepted == [True]


def test_only_certificates_of_the_right_ca_connect(running: Broker) -> None:
    """No certificate, another CA's, and the other door's certificate are refused."""
    stranger = identity.make_authority("terminal-ca", datetime.now(UTC))
    key = identity.make_key()
    certificate = stranger.terminal_certificate(
        TerminalId("gate-a"), key.public_key(), datetime.now(UTC)
    )
    forged = running.save("stranger", key, certificate)
    terminal, service = running.terminal("gate-c"), running.service("fleet")
    assert _connect(running, running.port, terminal)
    assert _connect(running, running.service_port, service)
    assert not _connect(running, running.port, None)
    assert not _connect(running, running.port, forged)
    assert not _connect(running, running.port, service)
    assert not _connect(running, running.service_port, terminal)


def test_nothing_is_retained(pair: tuple[TestTerminal, TestTerminal]) -> None:
    """A terminal that asks the broker to retain is disconnected."""
    first, _ = pair
    client = first._client
    assert client is not None
    client.publish(first.topic(TopicName.BEAT), b"{}", 1, retain=True)
    first.wait("the disconnect", lambda: not first.connected)


def test_shards_cover_the_names() -> None:
    """Names spread over the shards."""
    assert len({shard_of(TerminalId(f"gate-{number}")) for number in range(500)}) == 16

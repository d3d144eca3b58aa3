"""What counts as an answer of a child, and what as none."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.child import ChildAnswer, MqttReady, RedisReady
from deploy.local.ports import free_ports
from deploy.local.ready import ask
from fleet import identity
from fleet.contract.servers import ServerName

NOW = datetime.now(UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a folder with a CA, a broker's certificate that has ended, and one of ours."""
    authority = identity.make_authority("services", NOW - timedelta(days=200))
    broker, own = identity.make_key(), identity.make_key()
    ended = NOW - timedelta(days=identity.SERVICE_DAYS + 1)
    files = {
        "ca": authority.certificate_pem(),
        "broker.key": identity.private_pem(broker),
        "broker": identity.certificate_pem(
            authority.server_certificate(ServerName.BROKER, broker.public_key(), ended)
        ),
        "own.key": identity.private_pem(own),
        "own": identity.certificate_pem(
            authority.client_certificate("supervisor", own.public_key(), NOW)
        ),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def broker_at(port: int, keys: Path) -> MqttReady:
    """Return how a broker is asked."""
    return MqttReady(port=port, ca=keys / "ca", certificate=keys / "own", key=keys / "own.key")


def test_a_broker_whose_certificate_has_ended_is_not_silent(keys: Path) -> None:
    """To end it would cut off every terminal that is connected, again and again."""
    (port,) = free_ports(1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "broker", keys / "broker.key")

    async def scene() -> ChildAnswer:
        server = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", port, ssl=context
        )
        async with server:
            return await ask(broker_at(port, keys))

    found = asyncio.run(scene())
    assert found.answered
    assert found.problem is not None
    assert "certificate has expired" in found.problem


@pytest.mark.parametrize("missing", ["own.key", "own", "ca"])
def test_a_broker_that_could_not_be_asked_is_not_silent(keys: Path, missing: str) -> None:
    """A file of `kapok up` that is gone says nothing of the broker."""
    (keys / missing).unlink()
    found = asyncio.run(ask(broker_at(free_ports(1)[0], keys)))
    assert found.answered
    assert found.problem is not None
    assert missing in found.problem or "No such file" in found.problem


def test_a_store_that_could_not_be_asked_is_not_silent(tmp_path: Path) -> None:
    """A password that cannot be read says nothing of Redis."""
    password = tmp_path / "loader.key"
    asked = RedisReady(socket=tmp_path / "redis.sock", user="loader", password_file=password)
    found = asyncio.run(ask(asked))
    assert found.answered
    assert found.problem is not None
    assert str(password) in found.problem
    password.write_text("secret")
    assert not asyncio.run(ask(asked)).answered

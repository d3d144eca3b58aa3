"""The broker's configuration: values in, the text of a mosquitto.conf out (mosquitto 2.0).

Two listeners, each with its own CA, and one ACL. On the terminals' one the CN of the certificate,
which is id and generation, becomes both the user name and the client id: without the latter,
terminal B could connect with A's id, throw A off and eat A's queue. An old key of A is another
user, and its certificate stands in the CRL. Nothing is retained; every queue has a bound. The same
text serves an installation and the tests. Document: docs/terminal-contract.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet.contract.messages import MAX_MESSAGE_BYTES

MAX_INFLIGHT: Final = 256
"""Unacknowledged messages of a client: more than one ingest batch, or batches never fill. It bounds
no client: for each PUBACK mosquitto 2.0 lets another whole window go. Ingest bounds itself."""
MAX_QUEUED: Final = 100_000
"""Messages queued for one client; for a shard of the fleet some minutes of a storm, 50 MB."""
MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Bytes queued for one client."""
MAX_PACKET_BYTES: Final = MAX_MESSAGE_BYTES + 1024
"""Bytes of one MQTT packet: the longest payload, its topic and headers."""
MAX_KEEPALIVE_S: Final = 120
"""Seconds; for MQTT 5 clients, the only ones a broker can tell."""
PERSISTENT_EXPIRY: Final = "7d"
"""How long the broker keeps the queue of a shard that nobody fetches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One door of the broker: address, CA of its clients, certificate of the server."""

    host: str
    port: int
    client_ca: Path
    certificate: Path
    key: Path
    revoked: Path | None = None
    """CRL of `client_ca`: whose certificate it names does not connect. It must not have ended."""


def broker_conf(
    *,
    terminals: Listener,
    services: Listener,
    acl: Path,
    ciphers: str,
    user: str | None = None,
) -> str:
    """Return the text of mosquitto.conf.

    `acl` is the access list of both doors: a list a door needs `per_listener_settings`, with which
    mosquitto 2.0.18 and later queues nothing for a client that is away.
    `ciphers` are the suites of TLS 1.2, as OpenSSL names them, with a colon between them.
    `user` is the account the broker changes to when root starts it; it must be able to read the
    keys. No persistence on disk: a PUBACK means "in the broker's memory", and the protocol above
    heals what a crash loses.

    Raises:
        ValueError: a value holds a line break.
    """
    lines = [
        "retain_available false",
        *([f"user {user}"] if user else []),
        "persistence false",
        f"persistent_client_expiration {PERSISTENT_EXPIRY}",
        f"max_inflight_messages {MAX_INFLIGHT}",
        f"max_queued_messages {MAX_QUEUED}",
        f"max_queued_bytes {MAX_QUEUED_BYTES}",
        f"max_packet_size {MAX_PACKET_BYTES}",
        f"max_keepalive {MAX_KEEPALIVE_S}",
        "queue_qos0_messages false",
        "set_tcp_nodelay true",
        "sys_interval 0",
        "connection_messages true",
        "log_dest stderr",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
        "allow_anonymous false",
        f"acl_file {acl}",
        *_listener(terminals, ciphers),
        "use_username_as_clientid true",
        *_listener(services, ciphers),
    ]
    text = "\n".join(lines) + "\n"
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("a value holds a line break")
    return text


def _listener(listener: Listener, ciphers: str) -> tuple[str, ...]:
    return (
        f"listener {listener.port} {listener.host}",
        "protocol mqtt",
        f"cafile {listener.client_ca}",
        f"certfile {listener.certificate}",
        f"keyfile {listener.key}",
        "tls_version tlsv1.2",
        f"ciphers {ciphers}",
        *([f"crlfile {listener.revoked}"] if listener.revoked else []),
        "require_certificate true",
        "use_identity_as_username true",
    )

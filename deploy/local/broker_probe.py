"""Asks a broker whether it works: one connection over TLS, CONNECT, PINGREQ, DISCONNECT.

A broker that hangs still accepts connections, since the kernel does that for it; so only its own
words count. MQTT 3.1.1 (OASIS), sections 3.1, 3.2, 3.12 to 3.14.
"""

import asyncio
import secrets
import ssl
from typing import Final

from deploy.local.child import MqttReady
from deploy.local.ports import LOOPBACK
from fleet.contract.servers import ServerName
from runtime.tls import client_context

CLIENT_ID: Final = "kapok-up-{}"
"""Another each time: a broker ends the connection of whoever came before by the same name, and
`kapok up` and `kapok status` ask at the same time."""
KEEPALIVE_S: Final = 10
"""Seconds after which the broker forgets a connection that was left without a word."""
_NAME: Final = b"\x00\x04MQTT"
_LEVEL: Final = 4
_CLEAN_SESSION: Final = 2
_CONNACK: Final = b"\x20\x02"
_PINGREQ: Final = b"\xc0\x00"
_PINGRESP: Final = b"\xd0\x00"
_DISCONNECT: Final = b"\xe0\x00"


def broker_context(ready: MqttReady) -> ssl.SSLContext:
    """Return our side of TLS.

    Raises:
        OSError: a file is missing, closed, or holds something else (ssl.SSLError is one).
    """
    return client_context(
        ServerName.BROKER, ca=str(ready.ca), certificate=str(ready.certificate), key=str(ready.key)
    )


async def exchange(port: int, context: ssl.SSLContext) -> int:
    """Have a word with a broker; return the code by which it refuses us, 0: it answers.

    Raises:
        OSError: no connection, no TLS (ssl.SSLError), or an answer that is not MQTT.
        EOFError: the broker ended the connection before it answered.
    """
    reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context)
    try:
        writer.write(_connect())
        answer = await reader.readexactly(4)
        if answer[:2] != _CONNACK:
            raise OSError("no CONNACK")
        if answer[3]:
            return answer[3]
        writer.write(_PINGREQ)
        if await reader.readexactly(2) != _PINGRESP:
            raise OSError("no PINGRESP")
        writer.write(_DISCONNECT)
        await writer.drain()
        return 0
    finally:
        writer.close()


def _connect() -> bytes:
    """Return CONNECT of a session that leaves nothing behind."""
    after = bytes((_LEVEL, _CLEAN_SESSION)) + KEEPALIVE_S.to_bytes(2)
    name = CLIENT_ID.format(secrets.token_hex(4)).encode()
    body = _NAME + after + len(name).to_bytes(2) + name
    return bytes((0x10, len(body))) + body

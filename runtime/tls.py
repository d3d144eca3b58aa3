"""TLS: the suites of both sides; a client's certificate, one CA, and the one server it means.

The server is known by a name in its certificate, not by its address: several servers have
certificates of the same CA, on one machine even for the same address.
"""

import ssl
from typing import Any, Final

CIPHERS: Final = ":".join(
    (
        *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        *("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        *("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
        *("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"),
        "DHE-RSA-CHACHA20-POLY1305",
    )
)
"""Suites of TLS 1.2, as OpenSSL names them: Mozilla's "intermediate" 5.7.

All have forward secrecy and authenticated encryption. TLS 1.3 has no others by itself.
"""


def restrict_suites(context: ssl.SSLContext) -> None:
    """Allow TLS 1.2 and 1.3 and the suites of CIPHERS; all are good, so the client chooses."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE


class NamedServerContext(ssl.SSLContext):
    """A client's context that asks every server for one name, whatever address it was reached at.

    The chain, the server's usage (EKU) and the dates are checked as well, by OpenSSL.
    """

    server_name: str = ""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Begin TLS over a socket."""
        kwargs["server_hostname"] = self.server_name
        return super().wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin TLS over buffers, as asyncio does."""
        kwargs["server_hostname"] = self.server_name
        return super().wrap_bio(*args, **kwargs)


def client_context(
    server_name: str, *, ca: str, certificate: str | None = None, key: str | None = None
) -> NamedServerContext:
    """Make the TLS side of a client of one server; `ca`, `certificate` and `key` are PEM files.

    Raises:
        OSError: a file is missing or holds something else (ssl.SSLError is one).
    """
    context = NamedServerContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = server_name
    restrict_suites(context)
    context.load_verify_locations(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context

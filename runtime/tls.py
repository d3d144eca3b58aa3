"""The client's side of TLS: its own certificate, one CA, and the one server that it means.

The server is known by a name in its certificate, not by its address: several servers have
certificates of the same CA, on one machine even for the same address.
"""

import ssl
from typing import Any


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
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context

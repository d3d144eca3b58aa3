"""Both sides of TLS: suites, own certificate, one CA, and the one server that a client means.

A server is known by a name in its certificate, not by its address: several servers have
certificates of the same CA, on one machine even for the same address. Files are loaded again when
they were replaced; connections that stand go on.
"""

import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple

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


class CertificateFiles(NamedTuple):
    """The PEM files of one side."""

    ca: str
    certificate: str | None
    key: str | None

    def load(self, context: ssl.SSLContext) -> None:
        """Load them into a context.

        Raises:
            OSError: a file is missing or holds something else (ssl.SSLError is one).
        """
        context.load_verify_locations(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)

    def state(self) -> tuple[tuple[int, int, int], ...]:
        """Return what tells these files from others of the same names.

        Raises:
            OSError: one is missing.
        """
        found = [Path(path).stat() for path in self if path is not None]
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in found)


class RenewableContext(ssl.SSLContext):
    """A context whose files may be replaced while it is used."""

    files: CertificateFiles
    _loaded: tuple[tuple[int, int, int], ...] = ()

    def begin(self, files: CertificateFiles) -> None:
        """Load the files for the first time.

        Raises:
            OSError: a file is missing or holds something else (ssl.SSLError is one).
        """
        self.files, self._loaded = files, files.state()
        files.load(self)

    def refresh(self) -> bool:
        """Load the files again if they were replaced; says whether they were.

        Handshakes use them from now on. A new CA is taken beside the one before, for which a
        restart is needed to go.

        Raises:
            OSError: they do not hold together (yet); what was loaded stays in use.
        """
        found = self.files.state()
        if found == self._loaded:
            return False
        # First elsewhere: a failure half-way leaves a context without a key.
        self.files.load(ssl.SSLContext(self.protocol))
        self.files.load(self)
        self._loaded = found
        return True


class NamedServerContext(RenewableContext):
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
    context.begin(CertificateFiles(ca, certificate, key))
    return context


def server_context(*, client_ca: str, certificate: str, key: str) -> RenewableContext:
    """Make the TLS side of a server whose clients all show a certificate; arguments are PEM files.

    Raises:
        OSError: a file is missing or holds something else (ssl.SSLError is one).
    """
    context = RenewableContext(ssl.PROTOCOL_TLS_SERVER)
    restrict_suites(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.begin(CertificateFiles(client_ca, certificate, key))
    return context

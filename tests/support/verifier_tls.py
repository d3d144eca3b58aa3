"""The terminals' door in tests: certificates of a CA of the tests, and clients that show them."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fleet import identity
from fleet.contract.servers import ServerName
from fleet.contract.topics import TerminalId


@dataclass(slots=True)
class TlsFiles:
    """A folder with the server's certificate and those of terminals."""

    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    terminal_ca: identity.Authority = field(init=False)
    service_ca: identity.Authority = field(init=False)

    def __post_init__(self) -> None:
        """Make the two CAs and the server's certificate."""
        self.terminal_ca = identity.make_authority("terminal-ca", self.now)
        self.service_ca = identity.make_authority("service-ca", self.now)
        key = identity.make_key()
        server = self.service_ca.server_certificate(ServerName.VERIFIER, key.public_key(), self.now)
        (self.folder / "server.key.pem").write_bytes(identity.private_pem(key))
        (self.folder / "server.pem").write_bytes(identity.certificate_pem(server))
        (self.folder / "terminal-ca.pem").write_bytes(self.terminal_ca.certificate_pem())
        (self.folder / "service-ca.pem").write_bytes(self.service_ca.certificate_pem())

    def settings(self, port: int) -> dict[str, Any]:
        """Return the door's settings."""
        return {
            "host": "127.0.0.1",
            "port": port,
            "certificate": str(self.folder / "server.pem"),
            "key": str(self.folder / "server.key.pem"),
            "client_ca": str(self.folder / "terminal-ca.pem"),
        }

    def terminal(
        self,
        name: str,
        *,
        authority: identity.Authority | None = None,
        now: datetime | None = None,
        days: int = identity.TERMINAL_DAYS,
    ) -> tuple[ssl.SSLContext, str]:
        """Return a client of a terminal, and its certificate's fingerprint.

        `now` is when the certificate was made, and `days` how long it lives.
        """
        key = identity.make_key()
        made = (authority or self.terminal_ca).terminal_certificate(
            TerminalId(name), key.public_key(), now or self.now, days=days
        )
        (self.folder / f"{name}.key.pem").write_bytes(identity.private_pem(key))
        (self.folder / f"{name}.pem").write_bytes(identity.certificate_pem(made))
        context = self.nobody()
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key.pem")
        return context, identity.fingerprint(made)

    def nobody(self) -> ssl.SSLContext:
        """Return a client without a certificate."""
        return ssl.create_default_context(cafile=str(self.folder / "service-ca.pem"))


@contextmanager
def tls_files() -> Iterator[TlsFiles]:
    """Make the files in a folder of their own."""
    with TemporaryDirectory(prefix="kapok-t-") as folder:
        yield TlsFiles(Path(folder))

"""Certificates of the servers and services on this machine, from a CA of our own.

The two CAs live ten years; a start makes one of which there is no certificate. What they sign here
is renewed at a start past two thirds of its life, or when another CA has taken its CA's place.
Terminals' own certificates are not made here.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local.data import write_file
from fleet import identity

AUTHORITIES: Final = ("service-ca", "terminal-ca")
SERVERS: Final = ("broker", "verifier-https")
CLIENTS: Final = {"fleet-mqtt-client": "fleet"}
"""File name -> CN, which is the user name that the broker's access list knows."""


def make_authorities(data: Path) -> None:
    """Make the CAs that have no certificate here; a key may be kept elsewhere between renewals."""
    for name in AUTHORITIES:
        if not _certificate(data, name).exists():
            made = identity.make_authority(f"kapok {name}", datetime.now(UTC))
            # The key first: a certificate without one would look like a CA that is kept elsewhere.
            write_file(data / "keys" / f"{name}.pem", made.key_pem())
            write_file(_certificate(data, name), made.certificate_pem())


def renew_certificates(data: Path) -> None:
    """Make or renew the certificates of servers and service clients, each with a new key."""
    now = datetime.now(UTC)
    due = [name for name in (*SERVERS, *CLIENTS) if not _holds(data, name, now)]
    if not due:
        return  # then the CA's key may be elsewhere
    authority = load_authority(data, "service-ca")
    for name in due:
        key = identity.make_key()
        if name in CLIENTS:
            made = authority.client_certificate(CLIENTS[name], key.public_key(), now)
        else:
            made = authority.server_certificate(name, key.public_key(), now)
        _certificate(data, name).unlink(missing_ok=True)  # never a certificate of another key
        write_file(data / "keys" / f"{name}.pem", identity.private_pem(key))
        write_file(_certificate(data, name), identity.certificate_pem(made))


def load_authority(data: Path, name: str) -> identity.Authority:
    """Read a CA of this data folder."""
    key = (data / "keys" / f"{name}.pem").read_bytes()
    return identity.load_authority(_certificate(data, name).read_bytes(), key)


def _holds(data: Path, name: str, now: datetime) -> bool:
    path = _certificate(data, name)
    if not path.exists() or not (data / "keys" / f"{name}.pem").exists():
        return False
    certificate = identity.load_certificate(path.read_bytes())
    return now < identity.renew_after(certificate) and issued_here(data, "service-ca", certificate)


def issued_here(data: Path, name: str, certificate: identity.Certificate) -> bool:
    """Say whether a certificate is of the CA that stands here now."""
    authority = identity.load_certificate(_certificate(data, name).read_bytes())
    return identity.issued_by(certificate, authority)


def _certificate(data: Path, name: str) -> Path:
    return data / "keys" / f"{name}.crt.pem"

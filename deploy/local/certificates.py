"""Certificates of the servers and services on this machine, from a CA of our own.

The two CAs live ten years; a start makes one of which there is no certificate. What they sign here
is renewed past two thirds of its life, or when another CA has taken its CA's place, by the clock
that follows no step at once; what a clock that was ahead has made is made anew when it is back.
Terminals' own certificates are not made here. The CRL beside the terminals' CA names those whose
key was replaced before they ended; the broker refuses them. It carries itself on: the entries of
the one before are taken over, until what they name has ended.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from deploy.local.data import write_file
from deploy.local.errors import UsageError
from fleet import identity
from fleet.contract.acl import FLEET_USER, SUPERVISOR_USER
from fleet.contract.servers import ServerName
from runtime.clock import now_utc

AUTHORITIES: Final = ("service-ca", "terminal-ca")
SERVERS: Final = {"broker": ServerName.BROKER, "verifier-https": ServerName.VERIFIER}
"""File name -> the name that clients ask for."""
SUPERVISOR: Final = "supervisor-mqtt-client"
"""By which `kapok up` asks the broker whether it works: it may connect, and no topic is its."""
CLIENTS: Final = {"fleet-mqtt-client": FLEET_USER, SUPERVISOR: SUPERVISOR_USER}
"""File name -> CN, which is the user name that the broker's access list knows."""
REVOKED: Final = "terminal-ca.crl.pem"


def make_authorities(data: Path) -> None:
    """Make the CAs that have no certificate here; a key may be kept elsewhere between renewals."""
    for name in AUTHORITIES:
        if not _certificate(data, name).exists():
            made = identity.make_authority(f"kapok {name}", now_utc())
            # The key first: a certificate without one would look like a CA that is kept elsewhere.
            write_file(data / "keys" / f"{name}.pem", made.key_pem())
            write_file(_certificate(data, name), made.certificate_pem())


def renew_certificates(data: Path) -> None:
    """Make or renew the certificates of servers and service clients, each with a new key."""
    now = now_utc()
    revoked = _revoked(data)
    if revoked is None or identity.issued_at((data / "keys" / REVOKED).read_bytes()) > now:
        # With one of a time to come, which a clock that was ahead made, the broker takes nobody.
        _write_revoked(data, revoked or {}, now)
    due = [name for name in (*SERVERS, *CLIENTS) if not _holds(data, name, now)]
    if not due:
        return  # then the CA's key may be elsewhere
    authority = load_authority(data, "service-ca")
    for name in due:
        key = identity.make_key()
        if name in CLIENTS:
            made = authority.client_certificate(CLIENTS[name], key.public_key(), now)
        else:
            made = authority.server_certificate(SERVERS[name], key.public_key(), now)
        _certificate(data, name).unlink(missing_ok=True)  # never a certificate of another key
        write_file(data / "keys" / f"{name}.pem", identity.private_pem(key))
        write_file(_certificate(data, name), identity.certificate_pem(made))


def load_authority(data: Path, name: str) -> identity.Authority:
    """Read a CA of this data folder.

    Raises:
        UsageError: its key is kept elsewhere, and something must be signed now.
    """
    path = data / "keys" / f"{name}.pem"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path} is missing and needed now: put it back for this start") from None
    return identity.load_authority(_certificate(data, name).read_bytes(), key)


def revoke_terminal(data: Path, certificate: identity.Certificate) -> None:
    """Have the broker refuse a terminal's certificate from its next start on."""
    now = now_utc()
    if issued_here(data, "terminal-ca", certificate) and not is_revoked(data, certificate):
        _write_revoked(data, {**(_revoked(data) or {}), certificate.serial_number: now}, now)


def is_revoked(data: Path, certificate: identity.Certificate) -> bool:
    """Say whether a terminal's certificate is in the CRL."""
    return certificate.serial_number in (_revoked(data) or {})


def _revoked(data: Path) -> dict[int, datetime] | None:
    """Return what the CRL names; None: there is none of the CA that stands here now."""
    try:
        crl = (data / "keys" / REVOKED).read_bytes()
    except FileNotFoundError:
        return None
    authority = identity.load_certificate(_certificate(data, "terminal-ca").read_bytes())
    return identity.revoked_in(crl, authority)


def _write_revoked(data: Path, revoked: Mapping[int, datetime], now: datetime) -> None:
    longest = timedelta(days=identity.TERMINAL_DAYS)
    living = {serial: at for serial, at in revoked.items() if now - at <= longest}
    crl = load_authority(data, "terminal-ca").revocation_list(living, now)
    write_file(data / "keys" / REVOKED, identity.crl_pem(crl))


def _holds(data: Path, name: str, now: datetime) -> bool:
    path = _certificate(data, name)
    if not path.exists() or not (data / "keys" / f"{name}.pem").exists():
        return False
    certificate = identity.load_certificate(path.read_bytes())
    named = name not in SERVERS or identity.serves_as(certificate, SERVERS[name])
    fresh = identity.is_fresh(certificate, now)
    return named and fresh and issued_here(data, "service-ca", certificate)


def issued_here(data: Path, name: str, certificate: identity.Certificate) -> bool:
    """Say whether a certificate is of the CA that stands here now."""
    authority = identity.load_certificate(_certificate(data, name).read_bytes())
    return identity.issued_by(certificate, authority)


def _certificate(data: Path, name: str) -> Path:
    return data / "keys" / f"{name}.crt.pem"

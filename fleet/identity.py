"""Identities: the CAs of terminals and of services, and the certificates they issue.

Pure: keys and requests in, keys and certificates out, `now` is handed over. One X.509 identity a
terminal, for MQTT and HTTPS alike; its CN is `<id>.<generation>`, whatever the request asked for. A
terminal's key is made on the terminal and never seen here. P-256 and ECDSA with SHA-256 throughout.
Document: docs/terminal-contract.md; profile of the certificates: RFC 5280.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet.contract.errors import ContractError
from fleet.contract.servers import ServerName
from fleet.contract.topics import TerminalId, identity_name
from fleet.errors import IdentityError

TERMINAL_DAYS: Final = 90
"""Longest life of a terminal's certificate: what a stolen terminal is worth ends with it."""
SERVICE_DAYS: Final = 90
"""Life of a server's or a service client's certificate."""
CA_DAYS: Final = 3650
"""Life of a CA; ten years, as terminals hold it in their enrolment."""
RENEW_AT: Final = 2 / 3
"""Part of the lifetime after which a terminal renews."""
BACKDATE: Final = timedelta(minutes=5)
"""A terminal's clock may be this far behind when its certificate is made."""
MAX_CSR_BYTES: Final = 8192
"""Bytes; a P-256 request in PEM has about 500."""
LOOPBACK: Final = ("127.0.0.1", "localhost")
"""Names of the servers of an installation on one machine."""

Certificate = x509.Certificate
PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


class Authority:
    """A CA: its certificate and its key. The key shows in no repr."""

    __slots__ = ("_key", "certificate")

    def __init__(self, certificate: x509.Certificate, key: PrivateKey) -> None:
        if certificate.public_key() != key.public_key():
            raise IdentityError("the certificate is not this key's")
        self.certificate = certificate
        self._key = key

    def key_pem(self) -> bytes:
        """Return the key as PKCS #8 PEM, for a file of mode 0600."""
        return private_pem(self._key)

    def certificate_pem(self) -> bytes:
        """Return the certificate as PEM."""
        return certificate_pem(self.certificate)

    def terminal_certificate(
        self,
        terminal: TerminalId,
        key: PublicKey,
        now: datetime,
        *,
        generation: int = 1,
        days: int = TERMINAL_DAYS,
    ) -> x509.Certificate:
        """Issue a terminal's identity: CN = its id and generation, client authentication only.

        Raises:
            IdentityError: no terminal id or generation, not a P-256 key, or a life over 90 days.
        """
        try:
            name = identity_name(terminal, generation)
        except ContractError as error:
            raise IdentityError("not a terminal id and generation") from error
        if not 1 <= days <= TERMINAL_DAYS:
            raise IdentityError(f"a terminal's certificate lives 1 to {TERMINAL_DAYS} days")
        builder = _builder(name, self.certificate.subject, key, now, days)
        return self._sign(_leaf(builder, ExtendedKeyUsageOID.CLIENT_AUTH))

    def terminal_certificate_for(
        self, terminal: TerminalId, request: bytes, now: datetime, *, generation: int = 1
    ) -> x509.Certificate:
        """Issue from a PKCS #10 request in PEM; only its key is taken over, never its subject.

        Raises:
            IdentityError: no request, no P-256 key, or its proof of possession does not hold.
        """
        key = requested_key(request)
        return self.terminal_certificate(terminal, key, now, generation=generation)

    def server_certificate(
        self, server: ServerName, key: PublicKey, now: datetime, *, hosts: Sequence[str] = LOOPBACK
    ) -> x509.Certificate:
        """Issue a server's certificate: its name, which clients ask for, and addresses beside it.

        The addresses are for tools that know no such names; no client of ours looks at them.
        """
        builder = _builder(server, self.certificate.subject, key, now, SERVICE_DAYS)
        names = [_general_name(name) for name in (server, *hosts)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return self._sign(_leaf(builder, ExtendedKeyUsageOID.SERVER_AUTH))

    def client_certificate(self, name: str, key: PublicKey, now: datetime) -> x509.Certificate:
        """Issue a service's certificate; the broker takes its CN for the user name."""
        builder = _builder(name, self.certificate.subject, key, now, SERVICE_DAYS)
        return self._sign(_leaf(builder, ExtendedKeyUsageOID.CLIENT_AUTH))

    def revocation_list(
        self, revoked: Mapping[int, datetime], now: datetime
    ) -> x509.CertificateRevocationList:
        """Sign a CRL (RFC 5280 section 5): serial number -> when it was revoked.

        It ends with the CA: one that has ended would shut out every terminal at once.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - BACKDATE)
            .next_update(self.certificate.not_valid_after_utc)
        )
        for serial, at in sorted(revoked.items()):
            row = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            builder = builder.add_revoked_certificate(row.build())
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())


def make_key() -> PrivateKey:
    """Make a P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(name: str, now: datetime) -> Authority:
    """Make a CA that issues end certificates only (path length 0)."""
    key = make_key()
    builder = _builder(name, _name(name), key.public_key(), now, CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(ca=True), critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def load_authority(certificate: bytes, key: bytes) -> Authority:
    """Read a CA from PEM.

    Raises:
        IdentityError: not a certificate and its P-256 key.
    """
    return Authority(load_certificate(certificate), load_key(key))


def load_key(pem: bytes) -> PrivateKey:
    """Read a private key.

    Raises:
        IdentityError: no P-256 key in unencrypted PEM.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise IdentityError("not a private key in PEM") from error
    if not isinstance(key, PrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError("not a P-256 key")
    return key


def load_certificate(pem: bytes) -> x509.Certificate:
    """Read a certificate.

    Raises:
        IdentityError: none in PEM.
    """
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise IdentityError("not a certificate in PEM") from error


def requested_key(request: bytes) -> PublicKey:
    """Return the key of a PKCS #10 request in PEM, its proof of possession checked.

    Raises:
        IdentityError: too long, no request, no P-256 key, or the proof does not hold.
    """
    if len(request) > MAX_CSR_BYTES:
        raise IdentityError("the request is too long")
    try:
        csr = x509.load_pem_x509_csr(request)
        key = csr.public_key()
        holds = csr.is_signature_valid
    except ValueError as error:
        raise IdentityError("not a certificate request in PEM") from error
    if not isinstance(key, PublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError("not a P-256 key")
    if not holds:
        raise IdentityError("the request is not signed by its key")
    return key


def make_request(key: PrivateKey) -> bytes:
    """Make a PKCS #10 request in PEM, as a terminal does; its subject has no meaning."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name("terminal"))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return SHA-256 of the certificate's DER as 64 lower-case hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def signer(key: PrivateKey) -> Callable[[bytes], bytes]:
    """Return a callable that signs with ES256: bytes in, r then s (64 bytes) out (RFC 9053)."""

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def checker(key: PublicKey) -> Callable[[bytes, bytes], bool]:
    """Return a callable that says whether 64 bytes, r then s, sign a message with ES256."""

    def holds(message: bytes, signature: bytes) -> bool:
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        try:
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return holds


def kid_of(key: PublicKey) -> bytes:
    """Return the kid of a P-256 key: 8 bytes of its COSE Key Thumbprint (RFC 9679 section 4).

    The thumbprint is SHA-256 of the deterministic CBOR of {1: 2, -1: 1, -2: x, -3: y}.
    """
    point = key.public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
    return sha256(b"\xa4\x01\x02\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y).digest()[:8]


def issued_by(certificate: Certificate, authority: Certificate) -> bool:
    """Say whether a CA has signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def common_name(certificate: Certificate) -> str:
    """Return the CN of the subject; empty: there is none, or several."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def serves_as(certificate: Certificate, server: ServerName) -> bool:
    """Say whether a certificate carries a server's name."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return server in names.get_values_for_type(x509.DNSName)


def revoked_in(crl: bytes, authority: Certificate) -> dict[int, datetime] | None:
    """Return what a CRL in PEM revokes; None: it is no CRL of this CA."""
    try:
        found = x509.load_pem_x509_crl(crl)
    except ValueError:
        return None
    key = authority.public_key()
    if not isinstance(key, PublicKey) or not found.is_signature_valid(key):
        return None
    return {row.serial_number: row.revocation_date_utc for row in found}


def crl_pem(crl: x509.CertificateRevocationList) -> bytes:
    """Return a CRL as PEM."""
    return crl.public_bytes(serialization.Encoding.PEM)


def is_fresh(certificate: x509.Certificate, now: datetime) -> bool:
    """Say whether a certificate holds and is not to be renewed yet.

    One whose time is to come was made by a clock that was ahead; nobody takes it until then.
    """
    return certificate.not_valid_before_utc <= now < renew_after(certificate)


def issued_at(crl: bytes) -> datetime:
    """Return from when a CRL in PEM counts."""
    return x509.load_pem_x509_crl(crl).last_update_utc


def renew_after(certificate: x509.Certificate) -> datetime:
    """Return when a terminal should renew: at two thirds of the lifetime."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return start + (end - start) * RENEW_AT


def private_pem(key: PrivateKey) -> bytes:
    """Return the key as PKCS #8 PEM, for a file of mode 0600."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return the certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: str, issuer: x509.Name, key: PublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    if not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError("not a P-256 key")
    start = now - BACKDATE
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _leaf(
    builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

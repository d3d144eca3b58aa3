"""Identities: what the CAs issue, and what they refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from fleet import identity
from fleet.contract.servers import ServerName
from fleet.contract.topics import TerminalId
from fleet.errors import IdentityError
from verifier.trust.keys import kid_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NAME = TerminalId("gate-a")
CA = identity.make_authority("terminal-ca", NOW)


def common_name(certificate: x509.Certificate) -> str:
    """Return the CN of the subject."""
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    """Return the extended key usages."""
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_terminal_certificate_has_our_subject() -> None:
    """The request's subject has no say; client use only; valid for 90 days from a little ago."""
    key = identity.make_key()
    certificate = CA.terminal_certificate_for(NAME, identity.make_request(key), NOW)
    assert common_name(certificate) == "gate-a.1"
    assert certificate.public_key() == key.public_key()
    assert usages(certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert life == timedelta(days=90)
    assert NOW - certificate.not_valid_before_utc == identity.BACKDATE
    assert identity.renew_after(certificate) == certificate.not_valid_before_utc + life * 2 / 3
    certificate.verify_directly_issued_by(CA.certificate)


def test_certificates_verify_as_a_chain() -> None:
    """A server's certificate holds for its names and addresses under its CA."""
    key = identity.make_key()
    certificate = CA.server_certificate(ServerName.BROKER, key.public_key(), NOW)
    store = PolicyBuilder().store(Store([CA.certificate])).time(NOW)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.kapok.internal", "localhost"]
    store.build_server_verifier(x509.DNSName("localhost")).verify(certificate, [])
    assert usages(certificate) == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize("days", [0, -1, 91, 3650])
def test_lives_are_bounded(days: int) -> None:
    """A terminal's certificate never lives longer than 90 days."""
    with pytest.raises(IdentityError):
        CA.terminal_certificate(NAME, identity.make_key().public_key(), NOW, days=days)


@pytest.mark.parametrize("name", ["", "abc", "GATE", "gate a", "gate/a", "x" * 33, "gate\n"])
def test_names_are_strict(name: str) -> None:
    """What is no terminal id gets no certificate."""
    with pytest.raises(IdentityError):
        CA.terminal_certificate(TerminalId(name), identity.make_key().public_key(), NOW)


def _csr(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _forged() -> bytes:
    der = x509.load_pem_x509_csr(identity.make_request(identity.make_key())).public_bytes(
        serialization.Encoding.DER
    )
    flipped = bytearray(der)
    flipped[-1] ^= 1
    csr = x509.load_der_x509_csr(bytes(flipped))
    return csr.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        b"x" * 9000,
        _csr(ec.generate_private_key(ec.SECP384R1())),
        _csr(rsa.generate_private_key(65537, 2048)),
        _forged(),
    ],
    ids=["empty", "garbage", "long", "p-384", "rsa", "forged"],
)
def test_bad_requests_are_refused(request_bytes: bytes) -> None:
    """No request, another kind of key, or no proof of possession: no certificate."""
    with pytest.raises(IdentityError):
        CA.terminal_certificate_for(NAME, request_bytes, NOW)


def test_authorities_are_saved_and_read() -> None:
    """A CA survives PEM; a certificate and another key do not fit; secrets stay out of repr."""
    again = identity.load_authority(CA.certificate_pem(), CA.key_pem())
    assert again.certificate == CA.certificate
    with pytest.raises(IdentityError):
        identity.load_authority(CA.certificate_pem(), identity.private_pem(identity.make_key()))
    with pytest.raises(IdentityError):
        identity.load_key(b"nothing")
    with pytest.raises(IdentityError):
        identity.load_certificate(b"nothing")
    assert "key" not in repr(CA).lower().replace("fleet.identity", "")


def test_a_ca_cannot_make_another() -> None:
    """The CA's certificate allows no CA below it."""
    constraints = CA.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_kid_agrees_with_the_verifiers() -> None:
    """Both sides compute the same kid for a key."""
    key = identity.make_key().public_key()
    assert identity.kid_of(key) == kid_of(key)


def test_fingerprint_is_of_the_der() -> None:
    """The fingerprint is SHA-256 of the DER in lower-case hex."""
    certificate = CA.certificate
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.public_bytes(serialization.Encoding.DER))
    assert identity.fingerprint(certificate) == digest.finalize().hex()

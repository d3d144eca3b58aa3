"""Certificates: window, kid, uses and names; extensions that break DER do not stop a key."""

import datetime as dt
from collections.abc import Callable
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import CertificateUse
from verifier.trust.certificates import read_certificate

START: Final = dt.datetime(2021, 5, 3, 18, 0, 1, tzinfo=dt.UTC)
END: Final = dt.datetime(2051, 5, 3, 18, 0, 2, tzinfo=dt.UTC)
KEY: Final = ec.derive_private_key(7, ec.SECP256R1())
ARC: Final = "1.3.6.1.4.1.1847.2021.1."
OLD_ARC: Final = "1.3.6.1.4.1.0.1847.2021.1."


def certificate(
    *extensions: x509.ExtensionType, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEY
) -> bytes:
    """Make a certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a signer")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 77, START, END)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def usage(*identifiers: str) -> x509.ExtendedKeyUsage:
    """Make an extended key usage."""
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in identifiers])


def test_what_counts_of_a_certificate() -> None:
    """Its key, its window to the second over 2050, where the form of times changes; its kid."""
    der = certificate()
    found = read_certificate(der)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    assert found.kid == digest.finalize()[:8]
    assert found.public == KEY.public_key()
    assert (found.not_before, found.not_after) == (START.timestamp(), END.timestamp())
    assert (found.uses, found.addresses) == (frozenset(), ())


@pytest.mark.parametrize("arc", [ARC, OLD_ARC])
@pytest.mark.parametrize(
    ("number", "use"),
    [("1", CertificateUse.TEST), ("2", CertificateUse.VACCINATION), ("3", CertificateUse.RECOVERY)],
)
def test_uses(arc: str, number: str, use: CertificateUse) -> None:
    """Under the number that was assigned, and under the one written before."""
    found = read_certificate(certificate(usage("1.3.6.1.5.5.7.3.2", arc + number)))
    assert found.uses == {use}


def test_uses_of_others_do_not_bind() -> None:
    """TLS client, and an arc that only begins like ours."""
    found = read_certificate(certificate(usage("1.3.6.1.5.5.7.3.2", ARC + "4", ARC + "1.1")))
    assert found.uses == frozenset()


def test_addresses() -> None:
    """URIs only."""
    names = x509.SubjectAlternativeName(
        [x509.DNSName("example.org"), x509.UniformResourceIdentifier("https://example.org/cards")]
    )
    assert read_certificate(certificate(names)).addresses == ("https://example.org/cards",)


DEFAULT_WRITTEN: Final = bytes.fromhex("300f0603551d130101ff040530030101ff")


def edited(der: bytes, old: bytes, new: bytes) -> bytes:
    """Change bytes of the same length; the certificate's own signature no longer matters."""
    assert old in der
    assert len(old) == len(new)
    return der.replace(old, new)


def test_extensions_that_break_der() -> None:
    """A default written out; a value that is no sequence: the key is read, and so are the uses."""
    der = certificate(x509.BasicConstraints(ca=True, path_length=None), usage(ARC + "2"))
    written = edited(der, DEFAULT_WRITTEN, DEFAULT_WRITTEN[:-1] + b"\0")
    with pytest.raises(ValueError, match="EncodedDefault"):
        x509.load_der_x509_certificate(written).extensions  # noqa: B018 - it is what raises
    assert read_certificate(written).uses == {CertificateUse.VACCINATION}
    broken = edited(der, bytes.fromhex("300d060b2b060104018e378f6501"), b"\x04" * 14)
    assert read_certificate(broken).uses == frozenset()
    assert read_certificate(broken).public == KEY.public_key()


WRONG: Final[dict[str, Callable[[bytes], bytes]]] = {
    "nothing": lambda _: b"",
    "a byte after the end": lambda der: der + b"\0",
    "cut short": lambda der: der[:-1],
    "no certificate": lambda _: b"\x30\x03\x02\x01\x01",
    "an indefinite length": lambda der: der[:1] + b"\x80" + der[2:],
    "no window": lambda der: der.replace(b"\x17\x0d21", b"\x16\x0d21"),
    "a day that is none": lambda der: der.replace(b"210503180001Z", b"210532180001Z"),
    "too long": lambda der: der + bytes(1 << 15),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_certificate(name: str) -> None:
    """Malformed, and nothing else."""
    with pytest.raises(MalformedError):
        read_certificate(WRONG[name](certificate()))


def test_keys_of_other_kinds() -> None:
    """RSA, and a curve that signs nothing here, are read; who binds them decides."""
    for key in (rsa.generate_private_key(65_537, 2048), ec.generate_private_key(ec.SECP384R1())):
        assert read_certificate(certificate(key=key)).public == key.public_key()


@given(st.binary(max_size=80), st.integers(0, 200))
def test_whatever_bytes_are_malformed(data: bytes, at: int) -> None:
    """Alone, and in the midst of a certificate: read, or malformed."""
    der = certificate(usage(ARC + "1"))
    for changed in (data, der[:at] + data + der[at + len(data) :]):
        try:
            read_certificate(changed)
        except MalformedError:
            continue

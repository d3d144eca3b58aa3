"""Signers of foreign codes as lists publish them: certificates and key sets of fixed keys."""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.support.health import AT, CARDS, COUNTRY, jwk, thumbprint
from verifier.issuing.signing_key import SigningKey

START: Final = dt.datetime.fromtimestamp(AT - 86_400, dt.UTC)
END: Final = dt.datetime.fromtimestamp(AT + 86_400, dt.UTC)
VACCINATION: Final = "1.3.6.1.4.1.1847.2021.1.2"
P384: Final = ec.derive_private_key(9, ec.SECP384R1())

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certificate(
    signer: SigningKey | Private = COUNTRY,
    *,
    country: str = "AT",
    name: str = "signer one",
    uses: tuple[str, ...] = (),
    address: str | None = None,
) -> bytes:
    """Make a self-signed certificate (DER) of a key, valid a day around AT."""
    private: Any = signer._private if isinstance(signer, SigningKey) else signer
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = x509.CertificateBuilder(subject, subject, private.public_key(), 7, START, END)
    if uses:
        oids = [x509.ObjectIdentifier(use) for use in uses]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    if address is not None:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(address)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(private, hashes.SHA256()).public_bytes(Encoding.DER)


def packed(der: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(der).decode()


def kid64(der: bytes) -> str:
    """Return a certificate's kid as lists write it."""
    return packed(hashlib.sha256(der).digest()[:8])


def pem(der: bytes, kind: str = "CERTIFICATE") -> bytes:
    """Return bytes as PEM."""
    text = packed(der)
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n".encode()


def web_key(signer: SigningKey = CARDS, **members: Any) -> Mapping[str, Any]:
    """Return a public key as a JSON Web Key, with its thumbprint as kid."""
    named = {"kid": thumbprint(signer), "use": "sig", "alg": "ES256"}
    return {**jwk(signer), **named, **members}


def as_json(value: Any) -> bytes:
    """Write JSON as a server would, with a line end."""
    return json.dumps(value).encode() + b"\n"

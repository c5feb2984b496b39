"""Making the certificates of the simulated vaults; the same arguments give the same bytes."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from sandbox.key_pairs import KeyType, key_pair

ISSUER: Final = "Contoso Issuing CA 1"
_SERIAL_BYTES: Final = 16


def build(name: str, *, key_type: KeyType, not_before: int, not_after: int, serial: int) -> bytes:
    """Return a certificate for a host name, in DER. Times are seconds since the epoch."""
    host = x509.SubjectAlternativeName([x509.DNSName(name)])
    signer = key_pair("EC-P-256")
    if not isinstance(
        signer, ec.EllipticCurvePrivateKey
    ):  # pragma: no cover - for the type checker
        raise TypeError(type(signer).__name__)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(ISSUER))
        .public_key(key_pair(key_type).public_key())
        .serial_number(serial)
        .not_valid_before(datetime.fromtimestamp(not_before, UTC))
        .not_valid_after(datetime.fromtimestamp(not_after, UTC))
        .add_extension(host, critical=False)
        .sign(signer, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def x5t(der: bytes) -> str:
    """Return the SHA-1 thumbprint as Key Vault writes it: base64url without padding."""
    digest = hashlib.sha1(der, usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def thumbprint(der: bytes) -> str:
    """Return the SHA-1 thumbprint in capital hexadecimal digits, as Entra writes it."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def as_pkcs12(der: bytes, key_type: KeyType) -> str:
    """Return certificate and private key as a certificate's secret holds them: PKCS #12, base64."""
    certificate = x509.load_der_x509_certificate(der)
    packed = pkcs12.serialize_key_and_certificates(
        None, key_pair(key_type), certificate, None, serialization.NoEncryption()
    )
    return base64.b64encode(packed).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

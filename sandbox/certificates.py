"""Making the certificates of the simulated vaults; the same arguments give the same bytes."""

import base64
import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from sandbox.key_pairs import KeyType, PrivateKey, key_pair

ISSUER: Final = "Contoso Issuing CA 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a certificate differs from a plain one: further names, who issued it, what it is for.

    A name is a pair of its kind (`dns`, `email`, `uri`, `ip`) and its text.
    """

    names: tuple[tuple[str, str], ...] = ()
    issuer: str = ISSUER
    issuer_key: KeyType = "EC-P-256"
    digest: Literal["sha256", "sha384"] = "sha256"
    self_signed: bool = False
    ca: bool = False


PLAIN: Final = Look()
_NAMES: Final[dict[str, Callable[[str], x509.GeneralName]]] = {
    "dns": x509.DNSName,
    "email": x509.RFC822Name,
    "uri": x509.UniformResourceIdentifier,
    "ip": lambda text: x509.IPAddress(ipaddress.ip_address(text)),
}


def build(
    name: str,
    *,
    key_type: KeyType,
    not_before: int,
    not_after: int,
    serial: int,
    look: Look = PLAIN,
) -> bytes:
    """Return a certificate for a host name, in DER. Times are seconds since the epoch."""
    further = [_NAMES[kind](text) for kind, text in look.names]
    names = x509.SubjectAlternativeName([x509.DNSName(name), *further])
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name if look.self_signed else look.issuer))
        .public_key(key_pair(key_type).public_key())
        .serial_number(serial)
        .not_valid_before(datetime.fromtimestamp(not_before, UTC))
        .not_valid_after(datetime.fromtimestamp(not_after, UTC))
        .add_extension(names, critical=False)
    )
    if look.ca:
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    signed = _sign(builder, key_pair(key_type if look.self_signed else look.issuer_key), look)
    return signed.public_bytes(serialization.Encoding.DER)


def _sign(builder: x509.CertificateBuilder, signer: PrivateKey, look: Look) -> x509.Certificate:
    digest = hashes.SHA384() if look.digest == "sha384" else hashes.SHA256()
    if isinstance(signer, ec.EllipticCurvePrivateKey):
        return builder.sign(signer, digest, ecdsa_deterministic=True)
    return builder.sign(signer, digest)


def x5t(der: bytes) -> str:
    """Return the SHA-1 thumbprint as Key Vault writes it: base64url without padding."""
    digest = hashlib.sha1(der, usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def thumbprint(der: bytes) -> str:
    """Return the SHA-1 thumbprint in capital hexadecimal digits, as Entra writes it."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def as_pkcs12(der: bytes, pair: PrivateKey | None, chain: tuple[bytes, ...] = ()) -> str:
    """Return certificate and private key as a certificate's secret holds them: PKCS #12, base64.

    Without a pair only the certificate and its chain.
    """
    packed = pkcs12.serialize_key_and_certificates(
        None,
        pair,
        x509.load_der_x509_certificate(der),
        [x509.load_der_x509_certificate(each) for each in chain] or None,
        serialization.NoEncryption(),
    )
    return base64.b64encode(packed).decode()


def as_pem(der: bytes, pair: PrivateKey | None, chain: tuple[bytes, ...] = ()) -> str:
    """Return the same in PEM (RFC 7468): the private key, the certificate, its chain."""
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    parts = [pair.private_bytes(pem, private, serialization.NoEncryption())] if pair else []
    parts += [x509.load_der_x509_certificate(each).public_bytes(pem) for each in (der, *chain)]
    return b"".join(parts).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

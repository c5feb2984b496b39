"""The sandbox's certificate authority, and the certificate of its TLS listener.

Both are kept in the state folder, so that a client which trusts the authority goes on trusting it
after a restart. What has expired, or does not name every host, is made anew.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.clock import Clock
from sandbox.files import write_private
from sandbox.names import HOSTS

_YEAR: Final = timedelta(days=365)
_RENEW_BEFORE: Final = timedelta(days=7)
_SKEW: Final = timedelta(hours=1)
_CA_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CertifyClouds sandbox CA")])
_LEAF_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CertifyClouds sandbox")])


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the TLS listener's certificate and key are, and the authority a client must trust."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


def ensure(folder: Path) -> Listener:
    """Return the listener's files, made or renewed where that is due."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = Clock().now()
    files = Listener(folder / "ca.pem", folder / "listener.pem", folder / "listener.key")
    ca_key_file = folder / "ca.key"
    ca, ca_key = _read(files.ca_file, ca_key_file)
    if ca is None or ca_key is None or _is_due(ca, now):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _authority(ca_key, now)
        _write(ca, ca_key, files.ca_file, ca_key_file)
    leaf, _ = _read(files.certificate_file, files.key_file)
    if leaf is None or _is_due(leaf, now) or not _fits(leaf, ca):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(_leaf(key, ca, ca_key, now), key, files.certificate_file, files.key_file)
    return files


def host_names() -> list[str]:
    """Return every host name that the listener's certificate stands for."""
    found = ["localhost"]
    for hosts in HOSTS.values():
        found += [hosts.login, hosts.arm, hosts.graph, hosts.vault, f"*.{hosts.vault}"]
        found += [f"*.{suffix}" for suffix in hosts.planes.values()]
    return found


def _read(
    certificate_file: Path, key_file: Path
) -> tuple[x509.Certificate | None, ec.EllipticCurvePrivateKey | None]:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    except (OSError, ValueError):
        return None, None
    return (certificate, key) if isinstance(key, ec.EllipticCurvePrivateKey) else (None, None)


def _write(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    certificate_file: Path,
    key_file: Path,
) -> None:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key_file, private)
    write_private(certificate_file, certificate.public_bytes(pem))


def _is_due(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - _RENEW_BEFORE < now.astimezone(UTC)


def _fits(leaf: x509.Certificate, ca: x509.Certificate) -> bool:
    """Say whether the certificate was issued by this authority for all our hosts."""
    try:
        leaf.verify_directly_issued_by(ca)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one is made
        return False
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(host_names()) <= set(names.get_values_for_type(x509.DNSName))


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(_CA_NAME)
        .issuer_name(_CA_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + 10 * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    loopback = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ("127.0.0.1", "::1")]
    names = [*(x509.DNSName(name) for name in host_names()), *loopback]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_LEAF_NAME)
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _YEAR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )

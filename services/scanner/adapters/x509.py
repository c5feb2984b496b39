"""What an X.509 certificate says of itself (RFC 5280), read with `cryptography`."""

import hashlib
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from services.scanner.domain.detail import AlternativeName, CertificateDetail
from shared.clouds.wire import storable

_UNKNOWN: Final = "unknown"
# JSON Web Key's names (RFC 7518, RFC 8812), as Key Vault writes a key's curve.
_CURVES: Final = {
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
    "secp256k1": "P-256K",
}
_TEXTS: Final[dict[type[x509.GeneralName], str]] = {
    x509.DNSName: "dns",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "uri",
    x509.IPAddress: "ip",
}
_SIGNATURES: Final = {
    getattr(SignatureAlgorithmOID, name): name.lower()
    for name in dir(SignatureAlgorithmOID)
    if isinstance(getattr(SignatureAlgorithmOID, name), x509.ObjectIdentifier)
}


def describe(der: bytes) -> CertificateDetail:
    """Return what a certificate in DER says. Raises `ValueError` for what is no certificate."""
    certificate = x509.load_der_x509_certificate(der)
    key_type, key_size, curve = _key(certificate)
    common_names = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return CertificateDetail(
        subject=storable(certificate.subject.rfc4514_string()),
        issuer=storable(certificate.issuer.rfc4514_string()),
        issuer_common_name=storable(str(common_names[0].value)) if common_names else None,
        serial=f"{certificate.serial_number:x}",
        thumbprint=hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        thumbprint_sha256=hashlib.sha256(der).hexdigest(),
        key_type=key_type,
        key_size=key_size,
        curve=curve,
        signature_algorithm=_SIGNATURES.get(
            certificate.signature_algorithm_oid, certificate.signature_algorithm_oid.dotted_string
        ),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_ca=_is_ca(certificate),
        self_signed=_is_self_signed(certificate),
        alternative_names=tuple(_alternative_names(certificate)),
    )


def _key(certificate: x509.Certificate) -> tuple[str, int | None, str | None]:
    """Return type, size in bits and curve; a key of an unknown algorithm is no reason to refuse."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return _UNKNOWN, None, None
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size, None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size, _CURVES.get(key.curve.name, key.curve.name)
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return "OKP", None, "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "Ed448"
    return _UNKNOWN, None, None


def _is_self_signed(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _alternative_names(certificate: x509.Certificate) -> Iterator[AlternativeName]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return
    for name in found.value:
        kind, written = _alternative_name(name)
        yield AlternativeName(kind, storable(written))


def _alternative_name(name: x509.GeneralName) -> tuple[str, str]:
    if kind := _TEXTS.get(type(name)):
        return kind, str(name.value)
    match name:
        case x509.DirectoryName():
            return "directory", name.value.rfc4514_string()
        case x509.RegisteredID():
            return "registered_id", name.value.dotted_string
        case x509.OtherName():
            return "other", f"{name.type_id.dotted_string}:{_utf8(name.value)}"
        case _:
            return "other", _UNKNOWN


def _utf8(der: bytes) -> str:
    """Return the text of a DER UTF8String such as a user principal name, else hexadecimal."""
    tag, length = der[:1], der[1:2]
    if tag == b"\x0c" and length == bytes([len(der) - 2]):
        return der[2:].decode("utf-8", "replace")
    return der.hex()

"""Certificates that a vault was asked for: the key pair waits there until somebody has signed.

Azure Key Vault REST API reference: CertificatePolicy; PKCS #10 (RFC 2986).
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from sandbox.key_pairs import KeyType, PrivateKey

# Key Vault lets a certificate that it signs itself begin ten minutes early.
_EARLY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a certificate shall be. `policy` is that in the words of the wire, as it is kept."""

    subject: x509.Name
    names: tuple[x509.GeneralName, ...] = ()
    usages: tuple[x509.ObjectIdentifier, ...] = ()
    months: int = 12
    key_type: KeyType = "RSA-2048"
    exportable: bool = True
    reuse_key: bool = False
    issuer: str = "Unknown"
    content_type: str = "application/x-pkcs12"
    policy: dict[str, Any] = field(default_factory=dict)

    def extensions(self) -> list[x509.ExtensionType]:
        """Return what both the request and the certificate say besides the subject."""
        found: list[x509.ExtensionType] = []
        if self.names:
            found.append(x509.SubjectAlternativeName(self.names))
        if self.usages:
            found.append(x509.ExtendedKeyUsage(self.usages))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An operation's other half: what nobody outside the vault sees.

    `due` is when the vault signs by itself, in seconds since 1970; None: somebody else signs.
    """

    version_id: str
    wanted: Wanted
    pair: PrivateKey = field(repr=False, compare=False)
    enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    due: float | None = None


def request(wanted: Wanted, pair: PrivateKey) -> bytes:
    """Return the signing request (PKCS #10), in DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(wanted.subject)
    for extension in wanted.extensions():
        builder = builder.add_extension(extension, critical=False)
    signed = builder.sign(pair, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def self_signed(wanted: Wanted, pair: PrivateKey, now: float) -> bytes:
    """Return a certificate that its own key has signed, in DER; it begins ten minutes early."""
    begin = datetime.fromtimestamp(int(now), UTC) - _EARLY
    builder = (
        x509.CertificateBuilder()
        .subject_name(wanted.subject)
        .issuer_name(wanted.subject)
        .public_key(pair.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(_months_later(begin, wanted.months))
    )
    for extension in wanted.extensions():
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(pair, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _months_later(begin: datetime, months: int) -> datetime:
    """Return the same day so many months later, or the last one of a shorter month."""
    years, month = divmod(begin.month - 1 + months, 12)
    year, month = begin.year + years, month + 1
    return begin.replace(year=year, month=month, day=min(begin.day, monthrange(year, month)[1]))

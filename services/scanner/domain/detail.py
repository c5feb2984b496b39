"""What a listing does not tell about an item: its versions, its public half, its policies.

All of it is metadata. A secret has versions and nothing else here: reading more of it would read
its value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class Question(StrEnum):
    """One kind of request about one item."""

    VERSIONS = "versions"
    KEY = "key"
    ROTATION_POLICY = "rotation_policy"
    CERTIFICATE = "certificate"
    PENDING = "pending"


class Part(StrEnum):
    """A part of what is known of a key or a certificate beside its versions."""

    KEY = "key"
    ROTATION_POLICY = "rotation_policy"
    CERTIFICATE = "certificate"
    POLICY = "policy"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a secret, key or certificate; `id` in Key Vault's 32 characters."""

    id: str
    enabled: bool = True
    created_on: datetime | None = None
    updated_on: datetime | None = None
    not_before: datetime | None = None
    expires_on: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDetail:
    """A key's public half, as far as rules ask for it.

    `key_type` is `RSA`, `EC` or `oct` (RFC 7518), `size` an RSA modulus's bits, `hsm` whether the
    private half lives in a hardware module, `release_policy` whether it may leave by one.
    """

    key_type: str
    size: int | None = None
    curve: str | None = None
    operations: tuple[str, ...] = ()
    hsm: bool = False
    exportable: bool = False
    release_policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAction:
    """What happens to a key when: `Rotate` or `Notify`, `after_create` or `before_expiry`.

    `duration` is ISO 8601 as it was set, `days` the same in days (a year 365, a month 30).
    """

    action: str
    trigger: str
    duration: str
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """A key's rotation policy. Every key has one; `set_on` is None until somebody sets it."""

    set_on: datetime | None = None
    updated_on: datetime | None = None
    expiry_time: str | None = None
    expiry_days: int | None = None
    actions: tuple[KeyAction, ...] = ()


@dataclass(frozen=True, slots=True)
class AlternativeName:
    """A name that a certificate stands for; `kind` is `dns`, `ip`, `email`, `uri` or another."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDetail:
    """What an X.509 certificate says of itself (RFC 5280).

    Thumbprints and the serial number are lower-case hexadecimal; names are RFC 4514 strings.
    """

    subject: str
    issuer: str
    issuer_common_name: str | None
    serial: str
    thumbprint: str
    thumbprint_sha256: str
    key_type: str
    key_size: int | None
    curve: str | None
    signature_algorithm: str
    not_before: datetime
    not_after: datetime
    is_ca: bool
    self_signed: bool
    alternative_names: tuple[AlternativeName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAction:
    """`AutoRenew` or `EmailContacts`, so many days before the end or at a share of the lifetime."""

    action: str
    days_before_expiry: int | None = None
    lifetime_percentage: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePolicy:
    """How Key Vault makes and renews a certificate; `issuer` is `Self`, `Unknown` or an issuer."""

    issuer: str | None = None
    validity_months: int | None = None
    exportable: bool | None = None
    reuse_key: bool | None = None
    key_type: str | None = None
    key_size: int | None = None
    curve: str | None = None
    content_type: str | None = None
    actions: tuple[CertificateAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A certificate's latest pending operation.

    `status` is `inProgress`, `completed`, `cancelled` or `failed`, as Key Vault writes it; its
    texts are cut to what can be stored and never hold the request itself.
    """

    status: str
    status_details: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    cancellation_requested: bool = False
    issuer: str | None = None


Fact: TypeAlias = KeyDetail | RotationPolicy | CertificateDetail | CertificatePolicy | Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What is known of an item, or what one reading told.

    `versions` is None and a part is absent until it was read once; a part that was read and is not
    there (no pending operation) is None.
    """

    versions: tuple[Version, ...] | None = None
    parts: Mapping[Part, Fact | None] = field(default_factory=dict)

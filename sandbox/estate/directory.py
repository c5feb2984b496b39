"""The directory's objects: app registrations, service principals, and what each of them holds."""

from dataclasses import dataclass, field
from typing import Final, Literal

# Microsoft's own tenant, where the applications that every tenant has are registered.
MICROSOFT_TENANT: Final = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
# The audience of applications to which personal accounts may sign in as well.
PERSONAL: Final = "AzureADandPersonalMicrosoftAccount"


@dataclass(slots=True, kw_only=True)
class PasswordCredential:
    """A client secret of an application. The text is known only to whoever made it.

    An identifier marks the private half of a certificate that signs tokens.
    """

    key_id: str
    display_name: str | None
    start: int
    end: int
    text: str = field(repr=False)
    custom_key_identifier: str | None = None


@dataclass(slots=True, kw_only=True)
class KeyCredential:
    """A certificate of an application; the identifier is written as the service would.

    `key` is the certificate in DER. Without it nobody can sign in by this credential.
    """

    key_id: str
    display_name: str | None
    start: int
    end: int
    custom_key_identifier: str | None
    type: Literal["AsymmetricX509Cert", "X509CertAndPassword"] = "AsymmetricX509Cert"
    usage: Literal["Verify", "Sign"] = "Verify"
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCredential:
    """A workload that may sign in as the application with another issuer's token."""

    id: str
    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...] = ("api://AzureADTokenExchange",)
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementPolicy:
    """What credentials an application may be given ("appManagementPolicy resource type").

    Spans are in seconds; None restricts nothing. The tenant's own policy has an id of zeros.
    """

    id: str = "00000000-0000-0000-0000-000000000000"
    enabled: bool = False
    password_addition_blocked: bool = False
    password_seconds: int | None = None
    key_seconds: int | None = None


@dataclass(slots=True, kw_only=True)
class CredentialRules:
    """What limits credentials in a tenant: its default policy, and their number.

    "Validation differences by supported account types": about a thousand entries in an
    application's collections; two client secrets where personal accounts may sign in.
    """

    policy: ManagementPolicy = field(default_factory=ManagementPolicy)
    most: int = 1_000
    most_personal_passwords: int = 2


@dataclass(slots=True, kw_only=True)
class DirectoryObject:
    """What applications and service principals have alike.

    Owners are people by name, and service principals by object id.
    """

    object_id: str
    app_id: str
    display_name: str
    created: int
    passwords: list[PasswordCredential] = field(default_factory=list)
    keys: list[KeyCredential] = field(default_factory=list)
    owners: tuple[str, ...] = ()
    owner_principals: tuple[str, ...] = ()
    federated: list[FederatedCredential] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    notes: str | None = None
    audience: str | None = "AzureADMyOrg"


@dataclass(slots=True, kw_only=True)
class Application(DirectoryObject):
    """An app registration."""

    principal_id: str = ""
    service_reference: str | None = None
    policy: ManagementPolicy | None = None


@dataclass(slots=True, kw_only=True)
class ServicePrincipal(DirectoryObject):
    """An application's place in this tenant, or a managed identity's (no tenant owns its app)."""

    kind: Literal["Application", "ManagedIdentity", "Legacy"] = "Application"
    enabled: bool = True
    owner_tenant: str | None = None
    signing_thumbprint: str | None = None

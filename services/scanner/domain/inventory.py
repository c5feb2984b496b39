"""What the estate is made of, as plain values: subscriptions, vaults and the items they hold.

An item is metadata only. There is no field that could hold a secret's value, so none can be stored,
announced or logged by accident.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.scanner.domain.configuration import VaultConfiguration
from shared.events import ItemKind

__all__ = ["Application", "Credential", "Item", "ItemKind", "Subscription", "VaultRef"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An Azure subscription that the identity can see; `state` in Azure's word (`Enabled`, …)."""

    id: str
    name: str
    state: str = "Enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRef:
    """A Key Vault as the control plane describes it.

    `uri` is the data plane's address as Azure gives it, `https://<name>.vault.azure.net/`. `rbac`
    says whether roles (true) or access policies (false) decide who may list. Without a
    `configuration` it is unknown, and `configuration_reason` says why it could not be understood.
    """

    resource_id: str
    name: str
    uri: str
    subscription_id: str
    resource_group: str
    region: str
    sku: str
    tags: Mapping[str, str] = field(default_factory=dict)
    rbac: bool = True
    created_on: datetime | None = None
    configuration: VaultConfiguration | None = None
    configuration_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The Entra application, or its service principal, that a credential belongs to."""

    object_id: str
    app_id: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What only an application's credential has; None in an item that was read from the inventory.

    `usage` is Graph's word (`Sign` or `Verify`; None for a password), `custom_key_identifier` as
    Graph writes it.
    """

    key_id: str
    usage: str | None = None
    custom_key_identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A secret, key, certificate or application credential, without its value.

    `external_id` names it within its container and never changes: `secrets/<name>`, `keys/<name>`,
    `certificates/<name>`, or `<application object id>/<keyId>` (with `/password` behind it for the
    private half of a certificate that signs, which has the same keyId). `managed` marks what is
    renewed with something else: the secret and the key that Key Vault keeps behind a certificate,
    the other parts of a certificate that signs, a managed identity's certificate. `version` is None
    where a listing does not tell it. `thumbprint` is lower-case hexadecimal
    (x5t of a certificate, customKeyIdentifier of an application's). All instants are aware and
    in UTC.
    """

    kind: ItemKind
    external_id: str
    name: str
    enabled: bool = True
    created_on: datetime | None = None
    updated_on: datetime | None = None
    not_before: datetime | None = None
    expires_on: datetime | None = None
    content_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    recovery_level: str | None = None
    recoverable_days: int | None = None
    managed: bool = False
    version: str | None = None
    thumbprint: str | None = None
    application: Application | None = None
    credential: Credential | None = None

"""Applications and service principals, as plain values, and what happened to one between two looks.

Names are Microsoft Graph's (v1.0, resources application, servicePrincipal and
federatedIdentityCredential).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from services.scanner.domain.changes import What
from services.scanner.domain.inventory import Item, ItemKind

MANAGED_IDENTITY: Final = "ManagedIdentity"


class ApplicationKind(StrEnum):
    """Which of its two objects: the registration, or the principal that acts in this tenant."""

    APPLICATION = "application"
    SERVICE_PRINCIPAL = "service_principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who may change an application; `kind` is Graph's type, such as `user`."""

    id: str
    kind: str
    display_name: str | None = None
    user_principal_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCredential:
    """A workload that signs in as the application with another issuer's token: nothing expires."""

    id: str
    name: str
    issuer: str | None = None
    subject: str | None = None
    audiences: tuple[str, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryObject:
    """An application registration or a service principal.

    `owners` and `federated` are None where they could not be looked up this time: unknown, not
    none. `enabled` is None for an application, which has no such flag. `owner_tenant_id` is the
    tenant where a service principal's application is registered. `signing_thumbprint` names the
    certificate with which Entra signs this application's SAML tokens.
    """

    kind: ApplicationKind
    object_id: str
    app_id: str
    display_name: str
    created_on: datetime | None = None
    audience: str | None = None
    publisher_domain: str | None = None
    owner_tenant_id: str | None = None
    enabled: bool | None = None
    principal_type: str | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    service_reference: str | None = None
    signing_thumbprint: str | None = None
    owners: tuple[Owner, ...] | None = None
    federated: tuple[FederatedCredential, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectChange:
    """What happened to an application; a field is one attribute, one owner or one federation."""

    what: What
    object_id: str
    fields: tuple[dict[str, Any], ...] = ()


_PLAIN: Final = (
    "app_id",
    "display_name",
    "created_on",
    "audience",
    "publisher_domain",
    "owner_tenant_id",
    "enabled",
    "principal_type",
    "tags",
    "notes",
    "service_reference",
    "signing_thumbprint",
)


def keep_known(before: DirectoryObject | None, after: DirectoryObject) -> DirectoryObject:
    """Return what is known now: what could not be looked up is as it was known before."""
    if before is None:
        return after
    return replace(
        after,
        owners=before.owners if after.owners is None else after.owners,
        federated=before.federated if after.federated is None else after.federated,
    )


def compare(
    before: DirectoryObject | None, after: DirectoryObject, *, was_gone: bool = False
) -> ObjectChange | None:
    """Return what happened to an object that is there now; None if nothing did."""
    if before is None:
        return ObjectChange(what=What.ADDED, object_id=after.object_id)
    fields = tuple(_differences(before, after))
    if was_gone:
        return ObjectChange(what=What.RESTORED, object_id=after.object_id, fields=fields)
    if not fields:
        return None
    return ObjectChange(what=What.CHANGED, object_id=after.object_id, fields=fields)


def _differences(before: DirectoryObject, after: DirectoryObject) -> Iterator[dict[str, Any]]:
    for name in _PLAIN:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield {"field": name, "before": old, "after": new}
    yield from _members("owner", before.owners, after.owners)
    yield from _members("federated_credential", before.federated, after.federated)


def _members(
    name: str,
    before: Sequence[Owner | FederatedCredential] | None,
    after: Sequence[Owner | FederatedCredential] | None,
) -> Iterator[dict[str, Any]]:
    """Yield each member that came, went or differs. Learning them first is not a change."""
    if before is None or after is None:
        return
    old, new = ({one.id: one for one in side} for side in (before, after))
    for member_id in sorted(old.keys() | new.keys()):
        was, is_ = old.get(member_id), new.get(member_id)
        if was != is_:
            yield {
                "field": name,
                "before": asdict(was) if was else None,
                "after": asdict(is_) if is_ else None,
            }


def link(items: Sequence[Item], *, renewed_by_azure: bool = False) -> list[Item]:
    """Return one object's credentials with those `managed` that nobody renews by themselves.

    A certificate that signs SAML tokens shows up three times under one identifier: a key that
    signs, a key that verifies, and the first one's password (servicePrincipal:
    addTokenSigningCertificate). The key that signs stands for all three. A managed identity's
    certificates are renewed by Azure.
    """
    if renewed_by_azure:
        return [replace(item, managed=True) for item in items]
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.credential and item.credential.custom_key_identifier:
            groups[item.credential.custom_key_identifier].append(item)
    shadows = {shadow.external_id for group in groups.values() for shadow in _shadows(group)}
    return [replace(item, managed=True) if item.external_id in shadows else item for item in items]


def _shadows(group: Sequence[Item]) -> list[Item]:
    signing = sorted(
        item.external_id
        for item in group
        if item.kind is ItemKind.APP_CERTIFICATE
        and item.credential is not None
        and item.credential.usage == "Sign"
    )
    return [item for item in group if item.external_id != signing[0]] if signing else []

"""How items come to be, change and go. The services and the control endpoint both use this."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.certificates import build
from sandbox.estate.model import NO_TAGS, Item, Kind, Vault, Version
from sandbox.key_pairs import KeyType, PrivateKey

YEAR_SECONDS: Final = 365 * 86_400
_PKCS12: Final = "application/x-pkcs12"
_MANAGED: Final[tuple[Kind, ...]] = ("secrets", "keys")


def _version_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version about to be made. A certificate's dates default to one year from its making."""

    id: str = field(default_factory=_version_id)
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    content_type: str | None = None
    value: str = ""
    key_type: KeyType = "RSA-2048"
    certificate: bytes = b""
    pair: PrivateKey | None = field(default=None, repr=False, compare=False)
    chain: tuple[bytes, ...] = ()
    exportable: bool = True


def put(vault: Vault, kind: Kind, name: str, draft: Draft, now: int) -> Item:
    """Add a version; the item is made where it does not exist yet.

    A certificate brings its key and its secret with it, under the same name and version.
    """
    if kind == "certificates":
        return _put_certificate(vault, name, draft, now)
    version = Version(
        id=draft.id,
        created=now,
        updated=now,
        enabled=draft.enabled,
        not_before=draft.not_before,
        expires=draft.expires,
        tags=draft.tags,
        content_type=draft.content_type if kind == "secrets" else None,
        value=draft.value if kind == "secrets" else "",
        key_type=draft.key_type,
    )
    return _append(vault, kind, name, version, managed=False)


def update(version: Version, changes: Mapping[str, Any], now: int) -> None:
    """Change a version in place. Keys: enabled, not_before, expires, tags, content_type."""
    for name, value in changes.items():
        setattr(version, name, value)
    version.updated = now


def delete(vault: Vault, item: Item, now: int) -> None:
    """Move the item to where it can be recovered from; a certificate takes key and secret along."""
    for kind in (item.kind, *(_MANAGED if item.kind == "certificates" else ())):
        gone = vault.live[kind].pop(item.name.lower(), None)
        if gone is not None:
            gone.deleted_at = now
            vault.deleted[kind][gone.name.lower()] = gone


def recover(vault: Vault, item: Item, until: float) -> None:
    """Bring a deleted item back; until that instant it cannot be written."""
    for kind in (item.kind, *(_MANAGED if item.kind == "certificates" else ())):
        back = vault.deleted[kind].pop(item.name.lower(), None)
        if back is not None:
            back.deleted_at, back.recovered = None, until
            vault.live[kind][back.name.lower()] = back


def purge(vault: Vault, item: Item) -> None:
    """Forget a deleted item."""
    for kind in (item.kind, *(_MANAGED if item.kind == "certificates" else ())):
        vault.deleted[kind].pop(item.name.lower(), None)


def _put_certificate(vault: Vault, name: str, draft: Draft, now: int) -> Item:
    not_before = now if draft.not_before is None else draft.not_before
    expires = not_before + YEAR_SECONDS if draft.expires is None else draft.expires
    der = draft.certificate or build(
        f"{name.lower()[:40]}.contoso.example",
        key_type=draft.key_type,
        not_before=not_before,
        not_after=expires,
        serial=int(draft.id, 16) >> 1 or 1,
    )
    for kind in _MANAGED:
        version = _certificate_version(draft, der, not_before, expires, now)
        version.content_type = draft.content_type or _PKCS12 if kind == "secrets" else None
        _append(vault, kind, name, version, managed=True)
    version = _certificate_version(draft, der, not_before, expires, now)
    return _append(vault, "certificates", name, version, managed=False)


def _certificate_version(
    draft: Draft, der: bytes, not_before: int, expires: int, now: int
) -> Version:
    return Version(
        id=draft.id,
        created=now,
        updated=now,
        enabled=draft.enabled,
        not_before=not_before,
        expires=expires,
        tags=draft.tags,
        key_type=draft.key_type,
        certificate=der,
        pair=draft.pair,
        chain=draft.chain,
        exportable=draft.exportable,
    )


def _append(vault: Vault, kind: Kind, name: str, version: Version, *, managed: bool) -> Item:
    item = vault.find(kind, name)
    if item is None:
        return vault.add(Item(kind=kind, name=name, versions=[version], managed=managed))
    item.versions.append(version)
    return item

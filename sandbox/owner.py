"""Writing an item as its owner would, without asking who is there."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.model import NO_TAGS, Item, Kind, Vault
from sandbox.key_pairs import CERTIFICATE_KEY_TYPES, KeyType
from sandbox.key_vault import shapes
from sandbox.wire import Document
from sandbox.world import World

_KINDS: dict[str, Kind] = {
    "secret": "secrets",
    "secrets": "secrets",
    "key": "keys",
    "keys": "keys",
    "certificate": "certificates",
    "certificates": "certificates",
}
_LATEST = 253_402_300_799
Instant = Annotated[int, Field(ge=0, le=_LATEST)]


class NotPossibleError(Exception):
    """Something that was asked of the sandbox and cannot be; the message is a sentence."""


class WrittenAttributes(BaseModel):
    """Attributes in Key Vault's words. One that is null is taken away; one that is absent stays."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool | None = None
    nbf: Instant | None = None
    exp: Instant | None = None


class ItemWrite(BaseModel):
    """A change to one item. An item that does not exist is made; `new_version` adds a version.

    A certificate's dates are part of it: changing them makes a new version.
    """

    model_config = ConfigDict(extra="forbid")

    vault: str
    kind: Literal["secret", "secrets", "key", "keys", "certificate", "certificates"]
    name: Annotated[str, Field(pattern=r"^[0-9a-zA-Z-]{1,127}$")]
    attributes: WrittenAttributes = Field(default_factory=WrittenAttributes)
    tags: dict[str, str] | None = None
    content_type: str | None = None
    value: str | None = None
    key_type: KeyType | None = None
    new_version: bool = False
    delete: bool = False


def write(world: World, wanted: ItemWrite) -> Document:
    """Make the change and return the item as its list then shows it.

    Raises `NotPossibleError` for a vault or an item that does not exist and for a certificate's
    own key or secret.
    """
    vault = world.estate.vaults.get(wanted.vault.lower())
    if vault is None:
        raise NotPossibleError(f"There is no vault {wanted.vault!r}.")
    world.pages.clear()
    kind, now = _KINDS[wanted.kind], world.clock.epoch()
    item = vault.find(kind, wanted.name)
    if item is not None and item.managed:
        raise NotPossibleError(f"{wanted.name!r} belongs to a certificate; change that instead.")
    if wanted.delete:
        if item is None:
            raise NotPossibleError(f"There is no {wanted.kind} {wanted.name!r} to delete.")
        changes.delete(vault, item, now)
        return {"deleted": True}
    if item is None or wanted.new_version or _renews(kind, wanted):
        item = _put(vault, kind, wanted, item, now)
    else:
        changes.update(item.current, _changes(wanted), now)
    address = world.names.vault(vault.name)
    return shapes.listed(item, item.current, vault, address, of_versions=False)


def _renews(kind: Kind, wanted: ItemWrite) -> bool:
    dates = {"nbf", "exp"} & wanted.attributes.model_fields_set
    return wanted.value is not None or (kind == "certificates" and bool(dates))


def _put(vault: Vault, kind: Kind, wanted: ItemWrite, item: Item | None, now: int) -> Item:
    if wanted.name.lower() in vault.deleted[kind]:
        raise NotPossibleError(f"{wanted.name!r} is deleted but can still be recovered.")
    key_type = wanted.key_type or (item.current.key_type if item else "RSA-2048")
    if kind == "certificates" and key_type not in CERTIFICATE_KEY_TYPES:
        known = ", ".join(CERTIFICATE_KEY_TYPES)
        raise NotPossibleError(f"A certificate's key_type is one of {known}.")
    attributes = wanted.attributes
    before = item.current if item else None
    if attributes.exp is not None and attributes.exp <= (attributes.nbf or 0):
        raise NotPossibleError("exp must be later than nbf.")
    tags = wanted.tags if wanted.tags is not None else (before.tags if before else NO_TAGS)
    draft = Draft(
        enabled=attributes.enabled is not False,
        not_before=_not_before(kind, attributes, now),
        expires=attributes.exp,
        tags=tags,
        content_type=wanted.content_type or (before.content_type if before else None),
        value=wanted.value or "written by its owner",
        key_type=key_type,
    )
    return changes.put(vault, kind, wanted.name, draft, now)


def _not_before(kind: Kind, attributes: WrittenAttributes, now: int) -> int | None:
    """Return when the version begins; a certificate that ends in the past began before that."""
    if attributes.nbf is not None or kind != "certificates" or attributes.exp is None:
        return attributes.nbf
    return min(now, attributes.exp - 1)


def _changes(wanted: ItemWrite) -> dict[str, Any]:
    """Return what was named in the request; what was not, stays."""
    given, fields = wanted.attributes.model_fields_set, {"nbf": "not_before", "exp": "expires"}
    found = {fields[name]: getattr(wanted.attributes, name) for name in fields.keys() & given}
    if wanted.attributes.enabled is not None:
        found["enabled"] = wanted.attributes.enabled
    if wanted.tags is not None:
        found["tags"] = wanted.tags
    if wanted.content_type is not None:
        found["content_type"] = wanted.content_type
    return found

"""Writing items: new versions, changed attributes, deletion and recovery.

Two writes to one name at the same time end as in the real service: one of them with 409.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.model import NO_TAGS, Item, Kind
from sandbox.key_pairs import KEY_TYPES, KeyType
from sandbox.key_vault import errors, reading, shapes
from sandbox.key_vault.call import Call
from sandbox.wire import Document, answer

NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
LONGEST_VALUE: Final = 25_600
_WRITE_SECONDS: Final = 0.005
_under_way: set[tuple[str, str]] = set()


async def set_secret(call: Call, name: str) -> Response:
    """Add a version to a secret."""
    call.require("secrets", "set", name)
    document = await call.document()
    value = document.get("value")
    if not isinstance(value, str):
        raise errors.bad_parameter("Property value has invalid value\r\n")
    if len(value.encode()) > LONGEST_VALUE:
        raise errors.bad_parameter("The value of the secret exceeds the maximum of 25 KB.")
    draft = draft_of(document, content_type=_text(document, "contentType"), value=value)
    item = await _put(call, "secrets", name, draft)
    bundle = shapes.bundle(item, item.current, call.vault, call.address)
    return answer({"value": value} | bundle)


async def create_key(call: Call, name: str) -> Response:
    """Add a version to a key."""
    call.require("keys", "create", name)
    document = await call.document()
    item = await _put(call, "keys", name, draft_of(document, key_type=key_type(document)))
    return answer(shapes.bundle(item, item.current, call.vault, call.address))


async def set_rotation_policy(call: Call, name: str) -> Response:
    """Set a key's rotation policy (Update Key Rotation Policy)."""
    call.require("keys", "setrotationpolicy", name)
    document = await call.document()
    item = call.item("keys", name)
    before = (item.traits.rotation or {}).get("attributes", {})
    dates = {"created": before.get("created", call.now), "updated": call.now}
    policy = {
        "lifetimeActions": document.get("lifetimeActions") or [],
        "attributes": shapes.written_attributes(document) | dates,
    }
    async with alone(call, "keys", name):
        item.traits = replace(item.traits, rotation=policy)
    return answer(shapes.rotation_policy(item, call.address))


async def update(call: Call, kind: Kind, name: str, version_id: str) -> Response:
    """Change the attributes, tags and content type of one version."""
    call.require(kind, "set" if kind == "secrets" else "update", name)
    document = await call.document()
    item = call.item(kind, name)
    version = reading.wanted(item, version_id)
    if item.managed:
        raise errors.managed(item)
    async with alone(call, kind, name):
        changes.update(version, _changes(kind, document), call.now)
    return answer(shapes.bundle(item, version, call.vault, call.address))


async def delete(call: Call, kind: Kind, name: str) -> Response:
    """Delete an item; it can be recovered until it is purged."""
    call.require(kind, "delete", name)
    item = call.item(kind, name)
    if item.managed:
        raise errors.managed(item)
    ensure_recovered(call, item)
    async with alone(call, kind, name):
        changes.delete(call.vault, item, call.now)
        if kind == "certificates":
            call.vault.issuing.pop(name.lower(), None)
    return answer(
        shapes.bundle(item, item.current, call.vault, call.address)
        | shapes.deleted(item, call.vault, call.address)
    )


async def recover(call: Call, kind: Kind, name: str) -> Response:
    """Bring a deleted item back."""
    call.require(kind, "recover", name)
    item = _gone(call, kind, name)
    async with alone(call, kind, name):
        changes.recover(call.vault, item, call.world.clock.time() + call.world.recovery.seconds)
    return answer(shapes.bundle(item, item.current, call.vault, call.address))


async def purge(call: Call, kind: Kind, name: str) -> Response:
    """Forget a deleted item, unless the vault protects it."""
    call.require(kind, "purge", name)
    item = _gone(call, kind, name)
    if call.vault.purge_protection:
        message = 'Operation "purge" is not allowed because purge protection is enabled'
        raise errors.error(403, "Forbidden", message, "ForbiddenByPurgeProtection")
    changes.purge(call.vault, item)
    return Response(status_code=204)


def _gone(call: Call, kind: Kind, name: str) -> Item:
    item = call.vault.deleted[kind].get(name.lower())
    if item is None:
        raise errors.deleted_not_found(kind, name)
    return item


async def _put(call: Call, kind: Kind, name: str, draft: Draft) -> Item:
    ensure_name(name)
    if gone := call.vault.deleted[kind].get(name.lower()):
        raise errors.recoverable(gone)
    existing = call.vault.find(kind, name)
    if existing is not None:
        ensure_recovered(call, existing)
        if existing.managed:
            raise errors.managed(existing)
    async with alone(call, kind, name):
        return changes.put(call.vault, kind, name, draft, call.now)


def ensure_name(name: str) -> None:
    """Refuse a name that no item can have."""
    if not NAME.fullmatch(name):
        raise errors.bad_parameter(f"The request URI contains an invalid name: {name}")


def ensure_recovered(call: Call, item: Item) -> None:
    """Refuse to write an item that is still being recovered."""
    if item.recovered > call.world.clock.time():
        raise errors.being_recovered(item)


@asynccontextmanager
async def alone(call: Call, kind: Kind, name: str) -> AsyncIterator[None]:
    """Hold the name for as long as a write takes; whoever else wants it meanwhile is refused."""
    key = (call.vault.name.lower(), f"{kind}/{name.lower()}")
    if key in _under_way:
        raise errors.busy(name)
    _under_way.add(key)
    try:
        await asyncio.sleep(_WRITE_SECONDS)
        yield
    finally:
        _under_way.discard(key)


def draft_of(document: Document, **more: Any) -> Draft:  # noqa: ANN401 - the draft's other fields
    attributes = shapes.written_attributes(document)
    enabled = attributes.get("enabled")
    return Draft(
        enabled=enabled if isinstance(enabled, bool) else True,
        not_before=_instant(attributes, "nbf"),
        expires=_instant(attributes, "exp"),
        tags=_tags(document) or NO_TAGS,
        **more,
    )


def _changes(kind: Kind, document: Document) -> dict[str, Any]:
    """Return what a PATCH changes; what it does not name, or names as null, stays."""
    attributes = shapes.written_attributes(document)
    found: dict[str, Any] = {
        "enabled": attributes.get("enabled"),
        "tags": _tags(document),
    }
    if kind != "certificates":
        found["not_before"] = _instant(attributes, "nbf")
        found["expires"] = _instant(attributes, "exp")
    if kind == "secrets":
        found["content_type"] = _text(document, "contentType")
    return {name: value for name, value in found.items() if value is not None}


def _instant(attributes: Document, name: str) -> int | None:
    value = attributes.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise errors.bad_parameter(f"Property {name} has invalid value\r\n")
    return value


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _tags(document: Document) -> dict[str, str] | None:
    tags = document.get("tags")
    if tags is None:
        return None
    if not isinstance(tags, dict) or not all(isinstance(tag, str) for tag in tags.values()):
        raise errors.bad_parameter("Property tags has invalid value\r\n")
    return tags


def key_type(document: Document) -> KeyType:
    family = str(document.get("kty", "")).removesuffix("-HSM")
    size = document.get("crv", "P-256") if family == "EC" else document.get("key_size", 2048)
    wanted = f"{family}-{size}"
    for known in KEY_TYPES:
        if known == wanted:
            return known
    raise errors.bad_parameter("Property kty or its size has invalid value\r\n")

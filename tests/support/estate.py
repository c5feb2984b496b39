"""Ground truth: what was stored beside what the sandbox says it holds, field by field."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import asyncpg
import orjson

from services.scanner.domain.inventory import Item
from tests.support import truth
from tests.support.scanner import stored as as_stored

Rows = dict[tuple[str, str], dict[str, Any]]
DIRECTORY = "Microsoft Entra ID"


async def stored_items(database_url: str) -> Rows:
    """Return every live item as other services see it, by vault and external id."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=str, decoder=orjson.loads, schema="pg_catalog"
        )
        rows = await connection.fetch(
            """
            SELECT vault_name, external_id, kind, name, enabled, created_on, updated_on,
                   not_before, expires_on, content_type, tags, recovery_level, recoverable_days,
                   managed, version, thumbprint, application_object_id, application_id,
                   application_name, subscription_id
              FROM scanner.v_item
             WHERE deleted_at IS NULL
            """
        )
    finally:
        await connection.close()
    found = {(row["vault_name"], row["external_id"]): dict(row) for row in rows}
    assert len(found) == len(rows), "an item is stored twice"
    return found


async def stored_applications(database_url: str) -> Rows:
    """Return every live application and credential as other services see it."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=str, decoder=orjson.loads, schema="pg_catalog"
        )
        applications = await connection.fetch(
            """
            SELECT kind, object_id, app_id, name AS display_name, created_on, audience,
                   publisher_domain, owner_tenant_id, enabled, principal_type, tags, notes,
                   service_reference, signing_thumbprint, owners, federated
              FROM scanner.v_application
             WHERE deleted_at IS NULL
            """
        )
        credentials = await connection.fetch(
            """
            SELECT i.external_id, c.application_kind, c.object_id, c.key_id, c.usage,
                   c.custom_key_identifier
              FROM scanner.v_credential AS c JOIN scanner.v_item AS i ON i.id = c.item_id
             WHERE i.deleted_at IS NULL
            """
        )
    finally:
        await connection.close()
    found = {("application", row["object_id"]): dict(row) for row in applications}
    assert len(found) == len(applications), "an application is stored twice"
    return found | {("credential", row["external_id"]): dict(row) for row in credentials}


def expected_applications(document: Mapping[str, Any]) -> Rows:
    """Return what should have been found of the directory beside its items."""
    objects = truth.objects(document)
    # Lists and words, as the database gives them back.
    found: Rows = {
        ("application", object_id): asdict(one)
        | {"kind": one.kind.value, "tags": list(one.tags)}
        | {"owners": _as_json(one.owners), "federated": _as_json(one.federated)}
        for object_id, one in objects.items()
    }
    for external_id, item in truth.credentials(document).items():
        assert item.credential
        object_id = external_id.split("/")[0]
        found["credential", external_id] = asdict(item.credential) | {
            "application_kind": objects[object_id].kind.value,
            "object_id": object_id,
        }
    return found


def _as_json(members: object) -> object:
    return orjson.loads(orjson.dumps(members))


def expected_items(document: Mapping[str, Any], identity: str = "discover") -> Rows:
    """Return what that identity should have found, as the inventory tells it."""
    vaults = {vault.name: vault for vault in truth.vaults(document).values()}
    closed = truth.unreadable(document, identity)
    found: Rows = {}
    for name, items in truth.items(document).items():
        if name not in closed:
            found |= {(name, key): as_stored(item, vaults[name]) for key, item in items.items()}
    credentials: dict[str, Item] = truth.credentials(document)
    return found | {(DIRECTORY, key): as_stored(i, None) for key, i in credentials.items()}


def differences(stored: Rows, expected: Rows) -> list[str]:
    """Name each lost item, each invented one, and each field that differs."""
    told = [f"lost {key}" for key in expected.keys() - stored.keys()]
    told += [f"invented {key}" for key in stored.keys() - expected.keys()]
    for key in stored.keys() & expected.keys():
        for field, value in expected[key].items():
            if stored[key][field] != value:
                told.append(f"{key} {field}: {stored[key][field]!r}, not {value!r}")
    return told

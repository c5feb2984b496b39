"""Ground truth: what was stored beside what the sandbox says it holds, field by field."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

from services.scanner.domain.inventory import Item
from tests.support import detail_truth, truth
from tests.support.scanner import stored as as_stored

Rows = dict[tuple[str, str], dict[str, Any]]
DIRECTORY = "Microsoft Entra ID"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
_BELOW = {"versions": "versions", "rotationpolicy": "rotation_policy", "pending": "pending"}


async def stored_items(database_url: str) -> Rows:
    """Return every live item as other services see it, by vault and external id."""
    async with _connection(database_url) as connection:
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
    found = {(row["vault_name"], row["external_id"]): dict(row) for row in rows}
    assert len(found) == len(rows), "an item is stored twice"
    return found


async def stored_details(database_url: str) -> Rows:
    """Return what single reads told of every item, with its versions; instants as ISO 8601."""
    async with _connection(database_url) as connection:
        rows = await connection.fetch(
            """
            SELECT i.vault_name, i.external_id, d.outcome, d.version, d.version_count,
                   d.enabled_old_versions, d.facts, (
                       SELECT coalesce(jsonb_agg(to_jsonb(v) - 'item_id' - 'current'
                                                 ORDER BY v.version_id), '[]')
                         FROM scanner.v_version v WHERE v.item_id = d.item_id) AS versions
              FROM scanner.v_item_detail d JOIN scanner.v_item i ON i.id = d.item_id
            """
        )
    found = {(row["vault_name"], row["external_id"]): _same_instants(dict(row)) for row in rows}
    for row in found.values():
        del row["vault_name"], row["external_id"]
        for version in row["versions"]:
            version["id"] = version.pop("version_id")
    return found


def _same_instants(value: Any) -> Any:
    """Write every instant in one way, at any depth."""
    if isinstance(value, dict):
        return {key: _same_instants(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_same_instants(inner) for inner in value]
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return value


async def sent_by_kind(database_url: str) -> dict[str, int]:
    """Return how many requests the scans say they sent to vaults, by kind."""
    async with _connection(database_url) as connection:
        rows = await connection.fetch(
            """
            SELECT e.key AS kind, sum(e.value::bigint)::bigint AS sent
              FROM scanner.v_scan s CROSS JOIN LATERAL jsonb_each_text(s.calls) e GROUP BY e.key
            """
        )
    return {row["kind"]: row["sent"] for row in rows}


def kinds_in(log: list[dict[str, Any]]) -> dict[str, int]:
    """Count the requests to vaults in the sandbox's log, by kind."""
    names = {1: lambda p: p[0], 2: lambda p: p[0][:-1], 3: lambda p: _BELOW[p[2]]}
    paths = [e["path"].strip("/").split("/") for e in log if ".vault." in e["host"]]
    return dict(Counter(names[len(path)](path) for path in paths))


@asynccontextmanager
async def _connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=str, decoder=orjson.loads, schema="pg_catalog"
        )
        yield connection
    finally:
        await connection.close()


async def stored_applications(database_url: str) -> Rows:
    """Return every live application and credential as other services see it."""
    async with _connection(database_url) as connection:
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
    read = detail_truth.expected(document, identity)
    found: Rows = {}
    for name, items in truth.items(document).items():
        if name not in closed:
            for key, item in items.items():
                version = read.get((name, key), {}).get("version")
                found[name, key] = as_stored(item, vaults[name]) | {"version": version}
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

"""Applications, service principals and their change feed: only rows that differ are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from services.scanner.domain.directory import (
    ApplicationKind,
    DirectoryObject,
    FederatedCredential,
    ObjectChange,
    Owner,
)
from services.scanner.domain.inventory import Item
from shared.database import Connection

_OWNERS: Final = TypeAdapter(tuple[Owner, ...])
_FEDERATED: Final = TypeAdapter(tuple[FederatedCredential, ...])

_MERGE: Final = """
    MERGE INTO scanner.application AS a
    USING unnest(
        $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
        $9::text[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::text[],
        $15::text[], $16::text[], $17::text[]
    ) AS s (
        kind, object_id, app_id, name, created_on, audience, publisher_domain, owner_tenant_id,
        enabled, principal_type, tags, notes, service_reference, signing_thumbprint, owners,
        federated
    )
    ON a.vault_id = $1 AND a.object_id = s.object_id
    WHEN MATCHED THEN UPDATE SET
        app_id = s.app_id, name = s.name, created_on = s.created_on, audience = s.audience,
        publisher_domain = s.publisher_domain, owner_tenant_id = s.owner_tenant_id,
        enabled = s.enabled, principal_type = s.principal_type, tags = s.tags::jsonb,
        notes = s.notes, service_reference = s.service_reference,
        signing_thumbprint = s.signing_thumbprint, owners = s.owners::jsonb,
        federated = s.federated::jsonb, changed_at = now(), deleted_at = NULL
    WHEN NOT MATCHED THEN INSERT (
        vault_id, kind, object_id, app_id, name, created_on, audience, publisher_domain,
        owner_tenant_id, enabled, principal_type, tags, notes, service_reference,
        signing_thumbprint, owners, federated
    ) VALUES (
        $1, s.kind, s.object_id, s.app_id, s.name, s.created_on, s.audience, s.publisher_domain,
        s.owner_tenant_id, s.enabled, s.principal_type, s.tags::jsonb, s.notes, s.service_reference,
        s.signing_thumbprint, s.owners::jsonb, s.federated::jsonb
    )
"""


@dataclass(frozen=True, slots=True)
class KnownObject:
    """An application as it is stored; `gone` when it is marked removed."""

    found: DirectoryObject
    gone: bool


async def list_known_objects(conn: Connection, vault_id: int) -> dict[str, KnownObject]:
    """Return every application and service principal of a directory, removed ones included."""
    rows = await conn.fetch(
        """
        SELECT a.kind, a.object_id, a.app_id, a.name, a.created_on, a.audience, a.publisher_domain,
               a.owner_tenant_id, a.enabled, a.principal_type, a.tags, a.notes,
               a.service_reference, a.signing_thumbprint, a.owners, a.federated,
               a.deleted_at IS NOT NULL AS gone
        FROM scanner.application a WHERE a.vault_id = $1
        """,
        vault_id,
    )
    return {row["object_id"]: KnownObject(_to_object(row), row["gone"]) for row in rows}


async def merge_objects(
    conn: Connection, vault_id: int, objects: Sequence[DirectoryObject]
) -> None:
    """Add or update what differs; a removed one comes back. Needs the vault's lock."""
    if objects:
        columns = zip(*(_row(found) for found in objects), strict=True)
        await conn.execute(_MERGE, vault_id, *(list(column) for column in columns))


async def add_object_changes(
    conn: Connection, scan_id: UUID, vault_id: int, changes: Sequence[ObjectChange]
) -> None:
    """Write entries of the change feed for objects that are stored."""
    if not changes:
        return
    await conn.execute(
        """
        INSERT INTO scanner.application_change (scan_id, application_id, what, fields)
        SELECT $1, a.id, c.what, c.fields::jsonb
        FROM unnest($3::text[], $4::text[], $5::text[]) AS c (object_id, what, fields)
        JOIN scanner.application a ON a.vault_id = $2 AND a.object_id = c.object_id
        ORDER BY a.id
        """,
        scan_id,
        vault_id,
        [change.object_id for change in changes],
        [change.what.value for change in changes],
        [_written(change.fields) for change in changes],
    )


async def remove_absent_objects(
    conn: Connection, scan_id: UUID, vault_id: int, present: Sequence[str]
) -> None:
    """Mark what a COMPLETE listing did not have as removed, with its entries."""
    await conn.execute(
        """
        WITH gone AS (
            UPDATE scanner.application AS a
               SET deleted_at = now(), changed_at = now()
             WHERE a.vault_id = $2 AND a.deleted_at IS NULL
               AND NOT EXISTS (
                   SELECT FROM unnest($3::text[]) AS p (object_id)
                   WHERE p.object_id = a.object_id)
            RETURNING a.id
        )
        INSERT INTO scanner.application_change (scan_id, application_id, what)
        SELECT $1, g.id, 'removed' FROM gone g ORDER BY g.id
        """,
        scan_id,
        vault_id,
        present,
    )


async def add_credentials(conn: Connection, vault_id: int, items: Sequence[Item]) -> None:
    """Keep what only an application's credential has, once: nothing of it changes later."""
    held = [(item, item.credential) for item in items if item.credential is not None]
    if not held:
        return
    await conn.execute(
        """
        INSERT INTO scanner.credential (
            item_id, application_id, key_id, usage, custom_key_identifier)
        SELECT i.id, a.id, s.key_id, s.usage, s.identifier
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
            AS s (external_id, key_id, usage, identifier)
        JOIN scanner.item i ON i.vault_id = $1 AND i.external_id = s.external_id
        JOIN scanner.application a
          ON a.vault_id = $1 AND a.object_id = i.application_object_id
        WHERE NOT EXISTS (SELECT FROM scanner.credential c WHERE c.item_id = i.id)
        """,
        vault_id,
        [item.external_id for item, _ in held],
        [credential.key_id for _, credential in held],
        [credential.usage for _, credential in held],
        [credential.custom_key_identifier for _, credential in held],
    )


def _row(found: DirectoryObject) -> tuple[object, ...]:
    return (
        found.kind.value,
        found.object_id,
        found.app_id,
        found.display_name,
        found.created_on,
        found.audience,
        found.publisher_domain,
        found.owner_tenant_id,
        found.enabled,
        found.principal_type,
        _written(found.tags),
        found.notes,
        found.service_reference,
        found.signing_thumbprint,
        None if found.owners is None else _written(found.owners),
        None if found.federated is None else _written(found.federated),
    )


def _written(values: Sequence[object]) -> str:
    """As text: a list in a list would be taken for an array of two dimensions."""
    return orjson.dumps(values).decode()


def _to_object(row: asyncpg.Record) -> DirectoryObject:
    return DirectoryObject(
        kind=ApplicationKind(row["kind"]),
        object_id=row["object_id"],
        app_id=row["app_id"],
        display_name=row["name"],
        created_on=row["created_on"],
        audience=row["audience"],
        publisher_domain=row["publisher_domain"],
        owner_tenant_id=row["owner_tenant_id"],
        enabled=row["enabled"],
        principal_type=row["principal_type"],
        tags=tuple(row["tags"]),
        notes=row["notes"],
        service_reference=row["service_reference"],
        signing_thumbprint=row["signing_thumbprint"],
        owners=_OWNERS.validate_python(row["owners"]) if row["owners"] is not None else None,
        federated=(
            _FEDERATED.validate_python(row["federated"]) if row["federated"] is not None else None
        ),
    )

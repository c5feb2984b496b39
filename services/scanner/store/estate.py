"""Subscriptions and sources: the vaults that the control plane lists, and the directory."""

from collections.abc import Sequence

import asyncpg

from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.domain.scope import Place
from services.scanner.domain.sharding import Source
from shared.database import Connection

DIRECTORY_NAME = "Microsoft Entra ID"


async def save_subscriptions(conn: Connection, subscriptions: Sequence[Subscription]) -> None:
    """Record what can be seen now; others keep the name under which they were seen last."""
    await conn.execute(
        """
        INSERT INTO scanner.subscription AS known (id, name, state)
        SELECT s.id, s.name, s.state
        FROM unnest($1::text[], $2::text[], $3::text[]) AS s (id, name, state)
        ORDER BY s.id
        ON CONFLICT (id) DO UPDATE
           SET name = excluded.name, state = excluded.state, seen_at = now()
        """,
        [subscription.id for subscription in subscriptions],
        [subscription.name for subscription in subscriptions],
        [subscription.state for subscription in subscriptions],
    )


async def save_vaults(conn: Connection, vaults: Sequence[VaultRef]) -> list[Source]:
    """Record listed vaults and return them as sources. A deleted one that is back is live again.

    In the order of their addresses, so that two scans planned at once never wait for one another
    in a circle.
    """
    await _move(conn, vaults)
    rows = await conn.fetch(
        """
        INSERT INTO scanner.vault AS known (
            kind, name, uri, resource_id, subscription_id, resource_group, region, sku, tags, rbac,
            created_on
        )
        SELECT 'vault', v.name, v.uri, v.resource_id, v.subscription_id, v.resource_group,
               v.region, v.sku, v.tags, v.rbac, v.created_on
        FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::jsonb[], $9::boolean[], $10::timestamptz[]
        ) AS v (
            name, uri, resource_id, subscription_id, resource_group, region, sku, tags, rbac,
            created_on
        )
        ORDER BY lower(rtrim(v.uri, '/'))
        ON CONFLICT (lower(rtrim(uri, '/'))) DO UPDATE SET
            name = excluded.name, uri = excluded.uri, resource_id = excluded.resource_id,
            subscription_id = excluded.subscription_id, resource_group = excluded.resource_group,
            region = excluded.region, sku = excluded.sku, tags = excluded.tags,
            rbac = excluded.rbac, created_on = excluded.created_on, deleted_at = NULL
        RETURNING known.id, known.subscription_id, known.region, known.items
        """,
        *_columns(vaults),
    )
    return [_source(row) for row in rows]


async def _move(conn: Connection, vaults: Sequence[VaultRef]) -> None:
    """Let items follow a vault that was moved to another subscription."""
    await conn.execute(
        """
        UPDATE scanner.item AS i SET subscription_id = moved.subscription_id
        FROM (
            SELECT v.id, n.subscription_id
            FROM unnest($1::text[], $2::text[]) AS n (uri, subscription_id)
            JOIN scanner.vault v ON lower(rtrim(v.uri, '/')) = lower(rtrim(n.uri, '/'))
            WHERE v.subscription_id <> n.subscription_id
        ) AS moved
        WHERE i.vault_id = moved.id
        """,
        [vault.uri for vault in vaults],
        [vault.subscription_id for vault in vaults],
    )


def _columns(vaults: Sequence[VaultRef]) -> list[list[object]]:
    return [
        [vault.name for vault in vaults],
        [vault.uri for vault in vaults],
        [vault.resource_id for vault in vaults],
        [vault.subscription_id for vault in vaults],
        [vault.resource_group for vault in vaults],
        [vault.region for vault in vaults],
        [vault.sku for vault in vaults],
        [dict(vault.tags) for vault in vaults],
        [vault.rbac for vault in vaults],
        [vault.created_on for vault in vaults],
    ]


async def save_directory(conn: Connection) -> Source:
    """Make sure that the tenant's one directory is a source, and return it."""
    await conn.execute(
        """
        INSERT INTO scanner.vault (kind, name) VALUES ('directory', $1)
        ON CONFLICT (kind) WHERE kind = 'directory' DO NOTHING
        """,
        DIRECTORY_NAME,
    )
    rows = await conn.fetch(
        """
        SELECT v.id, v.subscription_id, v.region, v.items FROM scanner.vault v
        WHERE v.kind = 'directory'
        """
    )
    return _source(rows[0])


async def list_places(conn: Connection, subscription_ids: Sequence[str] | None) -> list[Place]:
    """Return the live vaults of these subscriptions (None: of all, and the directory)."""
    rows = await conn.fetch(
        """
        SELECT v.id, v.subscription_id, v.region, v.items, v.name, v.tags,
               sub.name AS subscription_name
        FROM scanner.vault v
        LEFT JOIN scanner.subscription sub ON sub.id = v.subscription_id
        WHERE v.deleted_at IS NULL
          AND ($1::text[] IS NULL OR v.subscription_id = ANY ($1::text[]))
        ORDER BY v.id
        """,
        subscription_ids,
    )
    return [
        Place(
            source=_source(row),
            name=row["name"],
            subscription_name=row["subscription_name"],
            tags=row["tags"],
        )
        for row in rows
    ]


async def save_excluded(conn: Connection, included: Sequence[int], excluded: Sequence[int]) -> None:
    """Note since when sources are left out by choice; those that are looked at again are not."""
    await conn.execute(
        """
        UPDATE scanner.vault AS v
           SET excluded_at = CASE WHEN v.id = ANY ($2::integer[]) THEN now() END
         WHERE v.id = ANY ($1::integer[] || $2::integer[])
           AND (v.excluded_at IS NOT NULL) <> (v.id = ANY ($2::integer[]))
        """,
        included,
        excluded,
    )


async def get_source_of_item(conn: Connection, item_id: int) -> Source | None:
    """Return the source that holds an item, or None for an unknown or removed one."""
    row = await conn.fetchrow(
        """
        SELECT v.id, v.subscription_id, v.region, v.items
        FROM scanner.item i JOIN scanner.vault v ON v.id = i.vault_id
        WHERE i.id = $1 AND v.deleted_at IS NULL
        """,
        item_id,
    )
    return _source(row) if row else None


def _source(row: asyncpg.Record) -> Source:
    return Source(
        vault_id=row["id"],
        subscription_id=row["subscription_id"],
        region=row["region"],
        items=row["items"],
    )

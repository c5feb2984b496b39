"""Subscriptions and sources: which there are, and which of them a scan looks at."""

from collections.abc import Sequence

import asyncpg

from services.scanner.domain.inventory import Subscription
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


async def list_sources(conn: Connection, uris: Sequence[str]) -> list[Source]:
    """Return the vaults at these addresses, which are stored, as sources."""
    rows = await conn.fetch(
        """
        SELECT v.id, v.subscription_id, v.region, v.items
        FROM scanner.vault v
        WHERE lower(rtrim(v.uri, '/')) = ANY (
            SELECT lower(rtrim(a.uri, '/')) FROM unnest($1::text[]) AS a (uri))
        ORDER BY v.id
        """,
        uris,
    )
    return [_source(row) for row in rows]


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

"""Deleting what was kept long enough, a small batch in each transaction."""

from datetime import datetime

from services.scanner.store.locks import lock_vault
from shared.database import Connection


async def newest_scan(conn: Connection) -> datetime | None:
    """Return when the newest scan ended that has ended; None before the first."""
    found: datetime | None = await conn.fetchval("SELECT max(s.completed_at) FROM scanner.scan s")
    return found


async def delete_scans(conn: Connection, before: datetime, *, limit: int) -> int:
    """Delete ended scans, with shards and outcomes, but none that a vault was looked at in last."""
    tag = await conn.execute(
        """
        DELETE FROM scanner.scan WHERE id IN (
            SELECT s.id FROM scanner.scan s
            WHERE s.state = 'completed' AND s.completed_at < $1
              AND NOT EXISTS (
                  SELECT FROM scanner.scan_vault own
                  WHERE own.scan_id = s.id
                    AND NOT EXISTS (
                        SELECT FROM scanner.scan_vault later
                        WHERE later.vault_id = own.vault_id
                          AND (later.finished_at, later.scan_id)
                            > (own.finished_at, own.scan_id)))
            ORDER BY s.completed_at
            LIMIT $2)
        """,
        before,
        limit,
    )
    return _count(tag)


async def save_horizon(conn: Connection, since: datetime) -> None:
    """Note, before anything is deleted, since when the change feed is whole."""
    await conn.execute(
        """
        INSERT INTO scanner.feed_kept AS kept (since) VALUES ($1)
        ON CONFLICT (one) DO UPDATE SET since = greatest(kept.since, excluded.since)
        """,
        since,
    )


async def delete_changes(conn: Connection, before: datetime, *, limit: int) -> int:
    """Delete the oldest entries of the change feed; their ids are in the order of their times."""
    tag = await conn.execute(
        """
        WITH oldest AS (SELECT c.id FROM scanner.change c ORDER BY c.id LIMIT $2)
        DELETE FROM scanner.change c USING oldest WHERE c.id = oldest.id AND c.at < $1
        """,
        before,
        limit,
    )
    return _count(tag)


async def list_vaults(conn: Connection, before: datetime) -> list[int]:
    """Return the sources of which an item is gone since before."""
    rows = await conn.fetch(
        "SELECT DISTINCT i.vault_id FROM scanner.item i WHERE i.deleted_at < $1 ORDER BY 1", before
    )
    return [row["vault_id"] for row in rows]


async def delete_items(conn: Connection, before: datetime, *, vault_id: int, limit: int) -> int:
    """Delete a source's items that are gone since before, with all that is kept of them.

    Nobody else writes the source's items meanwhile: one that comes back is either back already, and
    lives, or is found to be new. An item stays whose announcements count for a credential that is
    to be kept: the sweep would tell of the same end again. So credentials with one end go together,
    beyond the limit if it must be.
    """
    await lock_vault(conn, vault_id)
    rows = await conn.fetch(
        """
        SELECT i.id FROM scanner.item i
        WHERE i.vault_id = $2 AND i.deleted_at < $1
          AND NOT EXISTS (
              SELECT FROM scanner.announcement a
              JOIN scanner.item o
                ON o.application_object_id = i.application_object_id AND o.kind = i.kind
               AND o.name = i.name AND o.expires_on = a.expires_on
              WHERE a.item_id = i.id AND (o.deleted_at IS NULL OR o.deleted_at >= $1))
        ORDER BY i.application_object_id, i.kind, i.name, i.expires_on
        FETCH FIRST ($3) ROWS WITH TIES
        """,
        before,
        vault_id,
        limit,
    )
    ids = [row["id"] for row in rows]
    await conn.execute("DELETE FROM scanner.change WHERE item_id = ANY ($1::bigint[])", ids)
    tag = await conn.execute("DELETE FROM scanner.item WHERE id = ANY ($1::bigint[])", ids)
    return _count(tag)


async def delete_runs(conn: Connection, before: datetime, *, limit: int) -> int:
    """Delete what is kept of the times of schedules."""
    tag = await conn.execute(
        """
        DELETE FROM scanner.schedule_run r USING (
            SELECT o.schedule_id, o.due_at FROM scanner.schedule_run o
            WHERE o.at < $1 ORDER BY o.at LIMIT $2) AS old
        WHERE r.schedule_id = old.schedule_id AND r.due_at = old.due_at
        """,
        before,
        limit,
    )
    return _count(tag)


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])

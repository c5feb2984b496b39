"""What the terminal view reads, as the gateway's role: published views and the live events."""

from asyncpg import Record

from shared.database import Pool


async def newest_event(pool: Pool) -> int:
    """Return the id of the newest live event, 0 if there is none."""
    return int(await pool.fetchval("SELECT coalesce(max(id), 0) FROM gateway.live_event"))


async def events_after(pool: Pool, last: int) -> list[Record]:
    """Return the live events after an id, oldest first."""
    return await pool.fetch(
        "SELECT id, at, type, summary FROM gateway.live_event WHERE id > $1 ORDER BY id LIMIT 1000",
        last,
    )


async def latest_scan(pool: Pool) -> Record | None:
    """Return the scan that was asked for last."""
    return await pool.fetchrow(
        "SELECT id, state FROM scanner.v_scan ORDER BY requested_at DESC LIMIT 1"
    )


async def scan(pool: Pool, scan_id: object) -> Record | None:
    """Return one scan's state."""
    return await pool.fetchrow("SELECT id, state FROM scanner.v_scan WHERE id = $1", scan_id)


async def progress(pool: Pool, scan_id: object) -> list[Record]:
    """Return, per subscription, how many vaults a scan has done and how many items they hold."""
    return await pool.fetch(
        """
        SELECT coalesce(subscription_name, vault_name) AS subscription_name,
               count(*) AS vaults,
               count(*) FILTER (WHERE state = 'done') AS done,
               sum(items) AS items
          FROM scanner.v_scan_vault
         WHERE scan_id = $1
         GROUP BY 1
         ORDER BY 1
        """,
        scan_id,
    )


async def summary(pool: Pool) -> Record | None:
    """Return the estate in five numbers; a certificate with its key and secret counts once."""
    return await pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM scanner.v_item
                 WHERE deleted_at IS NULL AND NOT managed) AS items,
               (SELECT count(*) FROM scanner.v_vault
                 WHERE deleted_at IS NULL AND kind = 'vault') AS vaults,
               (SELECT count(*) FROM scanner.v_vault
                 WHERE deleted_at IS NULL AND outcome <> 'ok') AS unreadable,
               (SELECT count(*) FROM scanner.v_item
                 WHERE deleted_at IS NULL AND NOT managed AND enabled
                   AND expires_on <= now()) AS expired,
               (SELECT count(*) FROM scanner.v_item
                 WHERE deleted_at IS NULL AND NOT managed AND enabled AND expires_on > now()
                   AND expires_on <= now() + interval '30 days') AS soon
        """
    )


async def unreadable(pool: Pool) -> list[Record]:
    """Return the places that could not be looked into, with the reason."""
    return await pool.fetch(
        """
        SELECT name, outcome, outcome_reason, outcome_remedy
          FROM scanner.v_vault
         WHERE deleted_at IS NULL AND outcome <> 'ok'
         ORDER BY name
         LIMIT 10
        """
    )


async def expiring_first(pool: Pool) -> list[Record]:
    """Return the ten live items that end next."""
    return await pool.fetch(
        """
        SELECT kind, name, coalesce(application_name, vault_name) AS container,
               subscription_name AS subscription, expires_on::text AS expires_on,
               CASE WHEN expires_on < now() + interval '7 days' THEN 'critical'
                    WHEN expires_on < now() + interval '30 days' THEN 'warning'
                    ELSE 'healthy' END AS status
          FROM scanner.v_item
         WHERE deleted_at IS NULL AND enabled AND NOT managed AND expires_on > now()
         ORDER BY expires_on, id
         LIMIT 10
        """
    )

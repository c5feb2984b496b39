"""Listings that are too long for one transaction wait here, one reading of one vault by itself."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import msgspec

from services.scanner.domain.inventory import Item
from shared.database import Connection, Pool

CHUNK: Final = 5_000


async def stage(
    pool: Pool, look: UUID, scan_id: UUID, vault_id: int, items: Sequence[Item]
) -> None:
    """Keep a part of a listing, in a short transaction, and note that the scan goes on.

    An item that shows up twice in one listing is kept as it was seen last.
    """
    async with pool.transaction() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.staged (look, external_id, body)
            SELECT $1, s.external_id, s.body
            FROM unnest($2::text[], $3::jsonb[]) AS s (external_id, body)
            ON CONFLICT (look, external_id) DO UPDATE SET body = excluded.body
            """,
            look,
            [item.external_id for item in items],
            [msgspec.to_builtins(item) for item in items],
        )
        await conn.execute(
            """
            UPDATE scanner.scan_vault SET progress_at = now()
            WHERE scan_id = $1 AND vault_id = $2
            """,
            scan_id,
            vault_id,
        )


async def read_staged(conn: Connection, look: UUID) -> AsyncIterator[list[Item]]:
    """Yield what was staged, in chunks, in the order of the names."""
    after = ""
    while True:
        rows = await conn.fetch(
            """
            SELECT s.external_id, s.body FROM scanner.staged s
            WHERE s.look = $1 AND s.external_id > $2
            ORDER BY s.external_id
            LIMIT $3
            """,
            look,
            after,
            CHUNK,
        )
        if not rows:
            return
        after = rows[-1]["external_id"]
        yield [msgspec.convert(row["body"], Item) for row in rows]


async def delete_staged(conn: Connection, look: UUID) -> None:
    """Forget a reading whose items are stored."""
    await conn.execute("DELETE FROM scanner.staged WHERE look = $1", look)


async def delete_abandoned(conn: Connection, *, hours: int) -> None:
    """Forget what readings that never ended left behind."""
    await conn.execute(
        "DELETE FROM scanner.staged WHERE staged_at < now() - make_interval(hours => $1)", hours
    )

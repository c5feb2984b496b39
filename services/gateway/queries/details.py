"""What single reads told of an item: its details and its versions."""

from datetime import UTC, datetime
from typing import Any, Final

from asyncpg import Record

from services.gateway.domain.cursor import Cursor
from shared.database import Pool

_PARTS: Final = ("key", "rotation_policy", "certificate", "policy", "operation")
# Key Vault tells when each version was made; one without an instant comes last.
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def get_detail(pool: Pool, item_id: int) -> dict[str, Any] | None:
    """Return an item's details, None where none was read yet."""
    row = await pool.fetchrow(
        """
        SELECT d.outcome, d.reason, d.remedy, d.read_at, d.complete_at, d.facts
          FROM scanner.v_item_detail AS d
         WHERE d.item_id = $1
        """,
        item_id,
    )
    if row is None:
        return None
    found = dict(row)
    facts = found.pop("facts")
    return found | {part: facts.get(part) for part in _PARTS}


async def list_versions(
    pool: Pool, item_id: int, *, after: Cursor | None, limit: int
) -> list[Record]:
    """Return versions, newest first, after a cursor of creation and id."""
    key = after.key if after else None
    return await pool.fetch(
        """
        SELECT v.version_id, v.current, v.enabled, v.created_on, v.updated_on, v.not_before,
               v.expires_on
          FROM scanner.v_version AS v
         WHERE v.item_id = $1
           AND ($2::text IS NULL
                OR (coalesce(v.created_on, $4), v.version_id) < ($3::timestamptz, $2::text))
         ORDER BY coalesce(v.created_on, $4) DESC, v.version_id DESC
         LIMIT $5
        """,
        item_id,
        after.id if after else None,
        key if isinstance(key, datetime) else _FIRST,
        _FIRST,
        limit,
    )

"""The feed of what changed in vaults' settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from services.scanner.domain.configuration import SettingChange
from shared.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A change and the vault that it happened to."""

    vault_id: int
    change: SettingChange


async def add_vault_changes(conn: Connection, scan_id: UUID, noted: Sequence[Noted]) -> None:
    """Write entries of the feed, in the transaction of what they tell."""
    if not noted:
        return
    await conn.execute(
        """
        INSERT INTO scanner.vault_change (scan_id, vault_id, field, before, after)
        SELECT $1, n.vault_id, n.field, n.before::jsonb, n.after::jsonb
        FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[])
            WITH ORDINALITY AS n (vault_id, field, before, after, place)
        ORDER BY n.place
        """,
        scan_id,
        [each.vault_id for each in noted],
        [each.change.field for each in noted],
        # As text: a list in a list would be taken for an array of two dimensions.
        [orjson.dumps(each.change.before).decode() for each in noted],
        [orjson.dumps(each.change.after).decode() for each in noted],
    )

"""Vaults' diagnostic settings: which are due to be read, and what reading them came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from services.scanner.domain.configuration import SettingChange
from services.scanner.domain.diagnostics import DiagnosticSetting
from services.scanner.domain.inventory import VaultRef
from services.scanner.store.locks import lock_vault
from services.scanner.store.looks import to_vault
from services.scanner.store.vault_changes import Noted, add_vault_changes
from shared.database import Connection
from shared.events.scanning import VaultOutcome

FIELD: Final = "diagnostics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A vault whose diagnostic settings are to be read."""

    vault_id: int
    vault: VaultRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading a vault's diagnostic settings came to; without them, why."""

    settings: tuple[DiagnosticSetting, ...] | None = None
    outcome: VaultOutcome = VaultOutcome.OK
    reason: str | None = None
    remedy: str | None = None


async def list_due(conn: Connection, scan_id: UUID, shard_id: int, *, hours: float) -> list[Due]:
    """Return a shard's vaults to be read, those that were never read first.

    Due is, in a full scan, what was never read, what changed since, what failed for a passing
    reason, and what was tried longer than `hours` ago; in a forced one everything; in a delta scan
    nothing. What was tried since this scan began is done.
    """
    rows = await conn.fetch(
        """
        SELECT v.id, v.name, v.uri, v.resource_id, v.subscription_id, v.resource_group, v.region,
               v.sku, v.tags, v.rbac, v.created_on
        FROM scanner.scan s
        JOIN scanner.scan_vault sv ON sv.scan_id = s.id
        JOIN scanner.vault v ON v.id = sv.vault_id
        LEFT JOIN scanner.vault_diagnostics d ON d.vault_id = v.id
        WHERE s.id = $1 AND sv.shard_id = $2 AND sv.presence = 'listed' AND v.kind = 'vault'
          AND v.deleted_at IS NULL
          AND (d.vault_id IS NULL OR d.tried_at < s.started_at)
          AND (s.mode = 'force' OR (s.mode = 'full' AND (
              d.vault_id IS NULL
              OR d.outcome NOT IN ('ok', 'denied')
              OR d.tried_at < now() - make_interval(secs => $3)
              OR d.described <> md5(coalesce(v.configuration::text, '') || v.tags::text))))
        ORDER BY d.read_at NULLS FIRST, v.id
        """,
        scan_id,
        shard_id,
        hours * 3600,
    )
    return [Due(vault_id=row["id"], vault=to_vault(row)) for row in rows]


async def save_reading(conn: Connection, scan_id: UUID, vault_id: int, reading: Reading) -> None:
    """Record a reading; after a failure the settings read last stay. A difference is noted."""
    await lock_vault(conn, vault_id)
    settings = None if reading.settings is None else _written(reading.settings)
    if settings is not None:
        await _note(conn, scan_id, vault_id, settings)
    await conn.execute(
        """
        INSERT INTO scanner.vault_diagnostics AS known (
            vault_id, settings, outcome, reason, remedy, described, read_at)
        SELECT v.id, $2::text::jsonb, $3, $4, $5,
               md5(coalesce(v.configuration::text, '') || v.tags::text),
               CASE WHEN $2::text IS NOT NULL THEN now() END
        FROM scanner.vault v WHERE v.id = $1
        ON CONFLICT (vault_id) DO UPDATE SET
            settings = coalesce(excluded.settings, known.settings), outcome = excluded.outcome,
            reason = excluded.reason, remedy = excluded.remedy, described = excluded.described,
            tried_at = now(), read_at = coalesce(excluded.read_at, known.read_at)
        """,
        vault_id,
        settings,
        reading.outcome.value,
        reading.reason,
        reading.remedy,
    )


async def _note(conn: Connection, scan_id: UUID, vault_id: int, settings: str) -> None:
    """Note a difference to the settings read before; the first ones are no change."""
    row = await conn.fetchrow(
        """
        SELECT d.settings FROM scanner.vault_diagnostics d
        WHERE d.vault_id = $1 AND d.settings <> $2::text::jsonb
        """,
        vault_id,
        settings,
    )
    if row is not None:
        change = SettingChange(FIELD, row["settings"], orjson.loads(settings))
        await add_vault_changes(conn, scan_id, [Noted(vault_id=vault_id, change=change)])


def _written(settings: Sequence[DiagnosticSetting]) -> str:
    return orjson.dumps(settings).decode()

"""One source in one scan: what is still to be looked at, and what a look came to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import asyncpg

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.sharding import Presence
from services.scanner.store.inventory import NOTHING, Span
from services.scanner.store.locks import lock_vault
from shared.database import Connection
from shared.events.scanning import VaultOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A source that a shard has still to look at; `vault` is None for the directory."""

    vault_id: int
    name: str
    vault: VaultRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A source as it stands when the result of a look is about to be written."""

    name: str
    subscription_id: str | None
    presence: Presence
    outcome: VaultOutcome | None
    items: int
    fingerprint: bytes | None
    listed_at: datetime | None
    listed: bool
    """Whether a listing of it was ever stored. If not, none of its items is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a look came to; anything but `ok` has a reason and left the items as they were.

    A `fingerprint` comes with the listing, begun at `listed_at`, that the items now come from.
    """

    outcome: VaultOutcome = VaultOutcome.OK
    reason: str | None = None
    remedy: str | None = None
    items: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    span: Span = NOTHING
    fingerprint: bytes | None = None
    listed_at: datetime | None = None


async def list_pending(conn: Connection, scan_id: UUID, shard_id: int) -> list[Pending]:
    """Return a shard's sources that have no outcome yet, the largest first."""
    rows = await conn.fetch(
        """
        SELECT v.id, v.kind, v.name, v.uri, v.resource_id, v.subscription_id, v.resource_group,
               v.region, v.sku, v.tags, v.rbac, v.created_on
        FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id
        WHERE sv.scan_id = $1 AND sv.shard_id = $2 AND sv.finished_at IS NULL
        ORDER BY v.items DESC, v.id
        """,
        scan_id,
        shard_id,
    )
    return [to_pending(row) for row in rows]


async def get_time(conn: Connection) -> datetime:
    """Return the database's time, the one clock that all replicas share."""
    now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """The database's time, read once and counted on by a clock of this machine that never jumps.

    It is never ahead: a listing counts as begun a moment too early rather than too late.
    """

    read: datetime
    read_at: float

    def now(self) -> datetime:
        """Return the database's time, without asking it."""
        return self.read + timedelta(seconds=monotonic() - self.read_at)


async def read_clock(conn: Connection) -> DatabaseClock:
    """Return a clock that goes as the database's."""
    return DatabaseClock(await get_time(conn), monotonic())


async def claim_look(conn: Connection, scan_id: UUID, vault_id: int) -> Standing | None:
    """Become the one writer of a source; None when this scan has its outcome already.

    A listing that is stored from the future, by a clock that has gone back, is older than any.
    """
    await lock_vault(conn, vault_id)
    row = await conn.fetchrow(
        """
        SELECT v.name, v.subscription_id, v.outcome, v.items, v.fingerprint, sv.presence,
               v.listed_at IS NOT NULL AS listed,
               CASE WHEN v.listed_at <= clock_timestamp() THEN v.listed_at END AS listed_at
        FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id
        WHERE sv.scan_id = $1 AND sv.vault_id = $2 AND sv.finished_at IS NULL
        FOR NO KEY UPDATE OF sv
        """,
        scan_id,
        vault_id,
    )
    if row is None:
        return None
    words = {
        "presence": Presence(row["presence"]),
        "outcome": VaultOutcome(row["outcome"]) if row["outcome"] else None,
    }
    return Standing(**{**dict(row), **words})


async def save_result(conn: Connection, scan_id: UUID, vault_id: int, result: Result) -> None:
    """Write a look's outcome: the scan's checkpoint, the source's last outcome and its listing."""
    await conn.execute(
        """
        WITH checkpoint AS (
            UPDATE scanner.scan_vault
               SET finished_at = now(), progress_at = now(), outcome = $3, reason = $4,
                   remedy = $5, items = $6, added = $7, changed = $8, removed = $9,
                   first_change_id = $10, last_change_id = $11,
                   change_mark = coalesce(
                       (SELECT max(c.id) FROM scanner.change c WHERE c.vault_id = $2), 0)
             WHERE scan_id = $1 AND vault_id = $2
        )
        UPDATE scanner.vault
           SET outcome = $3, outcome_reason = $4, outcome_remedy = $5, last_scanned_at = now(),
               last_complete_at = CASE WHEN $3 = 'ok' THEN now() ELSE last_complete_at END,
               items = $6, fingerprint = coalesce($12, fingerprint),
               listed_at = coalesce($13, listed_at)
         WHERE id = $2
        """,
        scan_id,
        vault_id,
        result.outcome.value,
        result.reason,
        result.remedy,
        result.items,
        result.added,
        result.changed,
        result.removed,
        result.span.first,
        result.span.last,
        result.fingerprint,
        result.listed_at,
    )


async def delete_vault(conn: Connection, vault_id: int) -> None:
    """Mark a vault as deleted; its items have been marked as removed before."""
    await conn.execute(
        """
        UPDATE scanner.vault SET deleted_at = now(), fingerprint = NULL, items = 0 WHERE id = $1
        """,
        vault_id,
    )


def to_vault(row: asyncpg.Record) -> VaultRef:
    """Return the vault of a row as far as reading from it needs; without its configuration."""
    return VaultRef(
        resource_id=row["resource_id"],
        name=row["name"],
        uri=row["uri"],
        subscription_id=row["subscription_id"],
        resource_group=row["resource_group"],
        region=row["region"],
        sku=row["sku"],
        tags=row["tags"],
        rbac=row["rbac"],
        created_on=row["created_on"],
    )


def to_pending(row: asyncpg.Record) -> Pending:
    """Return the source of a row with a vault's columns."""
    vault = to_vault(row) if row["kind"] == "vault" else None
    return Pending(vault_id=row["id"], name=row["name"], vault=vault)

"""Policies and the freeze calendar."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.rotator.domain.freeze import Freeze
from services.rotator.domain.policy import Policy
from services.rotator.domain.window import Window
from shared.bus import Message
from shared.cron import Recurrence
from shared.database import Connection


async def list_policies(conn: Connection) -> list[Policy]:
    """Return every policy, disabled ones too."""
    rows = await conn.fetch(
        """
        SELECT p.id, p.name, p.selector, p.priority, p.rotate_before, p.lifetime, p.overlap,
               p.windows, p.requires_approval, p.enabled
          FROM rotator.policy AS p
        """
    )
    return [_policy(row) for row in rows]


async def list_freezes(conn: Connection) -> list[Freeze]:
    """Return the freezes that are not over."""
    rows = await conn.fetch(
        "SELECT f.starts_at, f.ends_at, f.reason FROM rotator.freeze AS f WHERE f.ends_at > now()"
    )
    return [Freeze(**row) for row in rows]


async def note_change(conn: Connection, changed_id: UUID, message: Message) -> bool:
    """Note when a policy or freeze was last changed; False if that was later than this request."""
    noted = await conn.fetchval(
        """
        INSERT INTO rotator.latest_change AS l (id, asked_at, message_id) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE
           SET asked_at = excluded.asked_at, message_id = excluded.message_id
         WHERE (l.asked_at, l.message_id) < (excluded.asked_at, excluded.message_id)
        RETURNING true
        """,
        *(changed_id, message.time, message.id),
    )
    return noted is True


async def save_policy(conn: Connection, policy: Policy, changed_by: str) -> bool:
    """Store a policy in place of what it was; False if another one has its name."""
    saved = await conn.fetchval(
        """
        INSERT INTO rotator.policy AS p (id, name, selector, priority, rotate_before, lifetime,
               overlap, windows, requires_approval, enabled, changed_by)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
         WHERE NOT EXISTS (SELECT FROM rotator.policy AS other
                            WHERE lower(other.name) = lower($2) AND other.id <> $1)
        ON CONFLICT (id) DO UPDATE
           SET name = excluded.name, selector = excluded.selector, priority = excluded.priority,
               rotate_before = excluded.rotate_before, lifetime = excluded.lifetime,
               overlap = excluded.overlap, windows = excluded.windows,
               requires_approval = excluded.requires_approval, enabled = excluded.enabled,
               changed_by = excluded.changed_by, changed_at = now()
        RETURNING true
        """,
        *(policy.id, policy.name, policy.selector, policy.priority, policy.rotate_before),
        *(policy.lifetime, policy.overlap, [_written(window) for window in policy.windows]),
        *(policy.requires_approval, policy.enabled, changed_by),
    )
    return saved is True


async def delete_policy(conn: Connection, policy_id: UUID) -> str | None:
    """Remove a policy and return its name; None if there was none."""
    name: str | None = await conn.fetchval(
        "DELETE FROM rotator.policy WHERE id = $1 RETURNING name", policy_id
    )
    return name


async def save_freeze(conn: Connection, freeze_id: UUID, freeze: Freeze, changed_by: str) -> None:
    """Store a freeze in place of what it was."""
    await conn.execute(
        """
        INSERT INTO rotator.freeze (id, starts_at, ends_at, reason, changed_by)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE
           SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,
               reason = excluded.reason, changed_by = excluded.changed_by, changed_at = now()
        """,
        *(freeze_id, freeze.starts_at, freeze.ends_at, freeze.reason, changed_by),
    )


async def delete_freeze(conn: Connection, freeze_id: UUID) -> datetime | None:
    """Remove a freeze and return when it would have ended; None if there was none."""
    ends_at: datetime | None = await conn.fetchval(
        "DELETE FROM rotator.freeze WHERE id = $1 RETURNING ends_at", freeze_id
    )
    return ends_at


def _policy(row: asyncpg.Record) -> Policy:
    windows = tuple(_window(each) for each in row["windows"])
    return Policy(**{**row, "windows": windows})


def _written(window: Window) -> dict[str, Any]:
    return {
        "opens": window.opens.expression,
        "time_zone": window.opens.time_zone,
        "lasts_minutes": window.lasts // timedelta(minutes=1),
    }


def _window(document: dict[str, Any]) -> Window:
    return Window(
        opens=Recurrence(document["opens"], document["time_zone"]),
        lasts=timedelta(minutes=document["lasts_minutes"]),
    )

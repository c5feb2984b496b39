"""Rules on thresholds, and the items that still carry windows of a former rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.scanner.domain.inventory import Item
from services.scanner.domain.rule import TAG_SEPARATOR, Place, Rule
from services.scanner.domain.status import Windows
from services.scanner.store.rows import to_item
from shared.database import Connection
from shared.events.scanning import ThresholdScope

_BACKLOG: Final = {
    ThresholdScope.GLOBAL: "SELECT v.id FROM scanner.vault v WHERE $2 = ''",
    ThresholdScope.SUBSCRIPTION: "SELECT v.id FROM scanner.vault v WHERE v.subscription_id = $2",
    ThresholdScope.VAULT: "SELECT v.id FROM scanner.vault v WHERE v.id = $2::text::bigint",
    ThresholdScope.TAG: """
        SELECT DISTINCT i.vault_id FROM scanner.item i
        WHERE i.deleted_at IS NULL
          AND i.tags @> jsonb_build_object(
              split_part($2, '=', 1), substr($2, strpos($2, '=') + 1))
        """,
    ThresholdScope.ITEM: "SELECT i.vault_id FROM scanner.item i WHERE i.id = $2::text::bigint",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Items of one vault that are to be judged anew, those with an id above `after_item`."""

    id: int
    scope: ThresholdScope
    name: str
    vault_id: int
    after_item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An item with the windows that it carries, and where it is."""

    item_id: int
    item: Item
    windows: Windows
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A vault that left one subscription and entered another."""

    vault_id: int
    left_id: str
    entered_id: str


async def list_rules(conn: Connection) -> list[Rule]:
    """Return every rule that says something."""
    rows = await conn.fetch(
        """
        SELECT t.scope, t.name, t.warning_days, t.critical_days, t.warning_percent,
               t.critical_percent
        FROM scanner.threshold t
        WHERE num_nonnulls(t.warning_days, t.warning_percent) > 0
        """
    )
    return [
        Rule(
            scope=ThresholdScope(row["scope"]),
            name=row["name"],
            days=(row["warning_days"], row["critical_days"]) if row["warning_days"] else None,
            percent=(row["warning_percent"], row["critical_percent"])
            if row["warning_percent"]
            else None,
        )
        for row in rows
    ]


async def save_rule(
    conn: Connection, rule: Rule, *, requested_by: str, asked_at: datetime, message_id: UUID
) -> bool:
    """Store a scope's rule; False when a request that was published later is stored already."""
    days, percent = rule.days or (None, None), rule.percent or (None, None)
    saved = await conn.fetchval(
        """
        INSERT INTO scanner.threshold AS t (scope, name, warning_days, critical_days,
               warning_percent, critical_percent, requested_by, asked_at, message_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (scope, name) DO UPDATE
           SET warning_days = excluded.warning_days, critical_days = excluded.critical_days,
               warning_percent = excluded.warning_percent,
               critical_percent = excluded.critical_percent,
               requested_by = excluded.requested_by, asked_at = excluded.asked_at,
               message_id = excluded.message_id
         WHERE (t.asked_at, t.message_id) < (excluded.asked_at, excluded.message_id)
        RETURNING true
        """,
        *(rule.scope.value, rule.name, *days, *percent, requested_by, asked_at, message_id),
    )
    return saved is True


async def add_backlog(conn: Connection, rule: Rule) -> None:
    """Note the vaults that hold items in the rule's scope."""
    await conn.execute(
        f"""
        INSERT INTO scanner.threshold_backlog (scope, name, vault_id)
        SELECT $1, $2, s.id FROM ({_BACKLOG[rule.scope]}) AS s (id) ORDER BY s.id
        """,  # noqa: S608 - the parts are constants of this module
        rule.scope.value,
        rule.name,
    )


async def add_backlog_of_moves(conn: Connection, moves: Sequence[Move]) -> None:
    """Note moved vaults for which a rule of either subscription says something.

    Needs the rules' lock: a rule that is set meanwhile would miss a vault that nobody sees yet.
    """
    await conn.execute(
        """
        INSERT INTO scanner.threshold_backlog (scope, name, vault_id)
        SELECT t.scope, t.name, m.vault_id
        FROM unnest($1::integer[], $2::text[], $3::text[]) AS m (vault_id, left_id, entered_id)
        JOIN scanner.threshold t
          ON t.scope = 'subscription' AND t.name IN (m.left_id, m.entered_id)
         AND num_nonnulls(t.warning_days, t.warning_percent) > 0
        ORDER BY m.vault_id
        """,
        [move.vault_id for move in moves],
        [move.left_id for move in moves],
        [move.entered_id for move in moves],
    )


async def get_backlog(conn: Connection) -> Backlog | None:
    """Return what was noted first."""
    row = await conn.fetchrow(
        """
        SELECT b.id, b.scope, b.name, b.vault_id, b.after_item FROM scanner.threshold_backlog b
        ORDER BY b.id LIMIT 1
        """
    )
    if row is None:
        return None
    return Backlog(**{**row, "scope": ThresholdScope(row["scope"])})


async def list_judged(conn: Connection, backlog: Backlog, *, limit: int) -> list[Judged]:
    """Return the next items of a backlog and hold them. Needs the vault's lock."""
    of_item = int(backlog.name) if backlog.scope is ThresholdScope.ITEM else None
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.external_id, i.name, i.enabled, i.created_on, i.updated_on,
               i.not_before, i.expires_on, i.warning_at, i.critical_at, i.content_type, i.tags,
               i.recovery_level, i.recoverable_days, i.managed, i.version, i.thumbprint,
               i.application_object_id, i.application_id, i.application_name, i.subscription_id
        FROM scanner.item i
        WHERE i.vault_id = $1 AND i.id > $2 AND i.deleted_at IS NULL AND i.expires_on IS NOT NULL
          AND ($3::jsonb IS NULL OR i.tags @> $3) AND ($4::bigint IS NULL OR i.id = $4)
        ORDER BY i.id
        LIMIT $5
        FOR NO KEY UPDATE
        """,
        *(backlog.vault_id, backlog.after_item, _tag(backlog), of_item, limit),
    )
    return [
        Judged(
            item_id=row["id"],
            item=(item := to_item(row)),
            windows=Windows(row["warning_at"], row["critical_at"]),
            place=Place(
                subscription_id=row["subscription_id"],
                vault_id=backlog.vault_id,
                item_id=row["id"],
                tags=item.tags,
            ),
        )
        for row in rows
    ]


async def save_windows(
    conn: Connection, found: Sequence[tuple[int, Windows, datetime | None]]
) -> None:
    """Set items' windows, and when the sweep looks at them."""
    await conn.execute(
        """
        UPDATE scanner.item AS i
           SET warning_at = s.warning_at, critical_at = s.critical_at, look_at = s.look_at
        FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
             AS s (id, warning_at, critical_at, look_at)
        WHERE i.id = s.id
        """,
        [item_id for item_id, _, _ in found],
        [windows.warning_at for _, windows, _ in found],
        [windows.critical_at for _, windows, _ in found],
        [look_at for _, _, look_at in found],
    )


async def save_backlog(conn: Connection, backlog: Backlog, after_item: int | None) -> None:
    """Note how far a backlog was worked off; None: it is done."""
    if after_item is None:
        await conn.execute("DELETE FROM scanner.threshold_backlog WHERE id = $1", backlog.id)
    else:
        await conn.execute(
            "UPDATE scanner.threshold_backlog SET after_item = $2 WHERE id = $1",
            backlog.id,
            after_item,
        )


def _tag(backlog: Backlog) -> dict[str, str] | None:
    if backlog.scope is not ThresholdScope.TAG:
        return None
    key, _, text = backlog.name.partition(TAG_SEPARATOR)
    return {key: text}

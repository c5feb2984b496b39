"""What alerting looks up in the inventory: the scanner's published view beside the open alerts."""

from datetime import datetime
from typing import Any

from services.alerting.domain.credential import Credential
from shared.database import Connection
from shared.events import CredentialRef, ItemKind


async def list_family(conn: Connection, item_id: int) -> list[Credential]:
    """Return the item, and for an application's credential its siblings of that kind and name."""
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.name, coalesce(i.application_name, i.vault_name) AS container,
               i.subscription_id, i.enabled, i.managed, i.created_on, i.not_before, i.expires_on,
               i.deleted_at, i.application_object_id AS application
          FROM scanner.v_item AS i
         WHERE i.id IN (
               SELECT $1::bigint
                UNION
               SELECT sibling.id
                 FROM scanner.v_item AS own
                 JOIN scanner.v_item AS sibling
                   ON sibling.application_object_id = own.application_object_id
                  AND sibling.kind = own.kind AND sibling.name = own.name
                WHERE own.id = $1 AND own.application_object_id IS NOT NULL
                  AND sibling.deleted_at IS NULL)
        """,
        item_id,
    )
    return [_to_credential(row) for row in rows]


async def list_unannounced(
    conn: Connection, *, until: datetime, now: datetime, after: int, limit: int
) -> list[int]:
    """Return the next items that end before `until` and whose alert is absent or behind."""
    rows = await conn.fetch(
        """
        SELECT i.id
          FROM scanner.v_item AS i
         WHERE i.id > $3 AND i.exp_sort <= $1 AND i.enabled AND NOT i.managed
           AND i.deleted_at IS NULL
           AND NOT EXISTS (
               SELECT FROM alerting.alert AS a
                WHERE a.item_id = i.id AND a.state = 'raised' AND a.expires_on = i.expires_on
                  AND (a.next_step_at IS NULL OR a.next_step_at > $2))
         ORDER BY i.id
         LIMIT $4
        """,
        until,
        now,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def list_doubtful(
    conn: Connection, *, vault_id: int | None, after: int, limit: int
) -> list[int]:
    """Return the next items with an open alert of which the inventory now tells something else.

    An application's credential is always among them: a sibling may have taken its place.
    """
    rows = await conn.fetch(
        """
        SELECT a.item_id
          FROM alerting.alert AS a
          LEFT JOIN scanner.v_item AS i ON i.id = a.item_id
         WHERE a.state = 'raised' AND a.item_id > $2
           AND ($1::bigint IS NULL OR i.vault_id = $1)
           AND (i.id IS NULL OR i.deleted_at IS NOT NULL OR NOT i.enabled
                OR i.expires_on IS DISTINCT FROM a.expires_on
                OR i.application_object_id IS NOT NULL)
         ORDER BY a.item_id
         LIMIT $3
        """,
        vault_id,
        after,
        limit,
    )
    return [row["item_id"] for row in rows]


def _to_credential(row: Any) -> Credential:  # noqa: ANN401 - asyncpg's rows are untyped
    return Credential(
        ref=CredentialRef(
            item_id=row["id"],
            kind=ItemKind(row["kind"]),
            name=row["name"],
            container=row["container"],
            subscription_id=row["subscription_id"],
        ),
        enabled=row["enabled"],
        managed=row["managed"],
        created_on=row["created_on"],
        not_before=row["not_before"],
        expires_on=row["expires_on"],
        deleted_at=row["deleted_at"],
        application=row["application"],
    )

"""Roles and role assignments: a subscription's are replaced by its next complete listing only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from services.scanner.domain.grants import RoleAssignment, RoleDefinition
from shared.database import Connection
from shared.events.scanning import VaultOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A subscription whose assignments could not be listed, and why."""

    subscription_id: str
    outcome: VaultOutcome
    reason: str
    remedy: str | None


async def save_roles(conn: Connection, roles: Sequence[RoleDefinition]) -> None:
    """Record roles; those that are stored alike are not written. Needs the estate's lock."""
    await conn.execute(
        """
        MERGE INTO scanner.role_definition AS r
        USING (
            SELECT n.id, n.name, n.custom, n.permissions::jsonb, n.reads_values,
                   ARRAY(SELECT jsonb_array_elements_text(n.data_actions::jsonb)) AS data_actions
            FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[],
                        $6::boolean[])
                AS n (id, name, custom, permissions, data_actions, reads_values)
        ) AS s
        ON r.id = s.id
        WHEN MATCHED AND (r.name, r.custom, r.permissions, r.data_actions, r.reads_values)
            IS DISTINCT FROM (s.name, s.custom, s.permissions, s.data_actions, s.reads_values)
        THEN UPDATE SET name = s.name, custom = s.custom, permissions = s.permissions,
            data_actions = s.data_actions, reads_values = s.reads_values
        WHEN NOT MATCHED THEN INSERT (id, name, custom, permissions, data_actions, reads_values)
        VALUES (s.id, s.name, s.custom, s.permissions, s.data_actions, s.reads_values)
        """,
        [role.id for role in roles],
        [role.name for role in roles],
        [role.custom for role in roles],
        # As text: a list in a list would be taken for an array of two dimensions.
        [orjson.dumps(role.permissions).decode() for role in roles],
        [orjson.dumps(role.vault_data_actions).decode() for role in roles],
        [role.reads_values for role in roles],
    )


async def save_assignments(
    conn: Connection, listed: Mapping[str, Sequence[RoleAssignment]]
) -> None:
    """Replace the assignments of completely listed subscriptions, as far as they differ.

    Needs the estate's lock, and the subscriptions stored.
    """
    await conn.execute(
        """
        DELETE FROM scanner.role_assignment AS a
        WHERE a.subscription_id = ANY ($1::text[])
          AND NOT EXISTS (
              SELECT FROM unnest($2::text[], $3::text[]) AS s (subscription_id, id)
              WHERE s.subscription_id = a.subscription_id AND s.id = a.id)
        """,
        list(listed),
        *_keys(listed),
    )
    rows = [assignment for assignments in listed.values() for assignment in assignments]
    await conn.execute(
        """
        MERGE INTO scanner.role_assignment AS a
        USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::boolean[])
            AS s (subscription_id, id, scope, principal_id, principal_type, role_id, conditional)
        ON a.subscription_id = s.subscription_id AND a.id = s.id
        WHEN MATCHED AND (a.scope, a.principal_id, a.principal_type, a.role_id, a.conditional)
            IS DISTINCT FROM
            (s.scope, s.principal_id, s.principal_type, s.role_id, s.conditional)
        THEN UPDATE SET scope = s.scope, principal_id = s.principal_id,
            principal_type = s.principal_type, role_id = s.role_id, conditional = s.conditional
        WHEN NOT MATCHED THEN INSERT (
            subscription_id, id, scope, principal_id, principal_type, role_id, conditional)
        VALUES (s.subscription_id, s.id, s.scope, s.principal_id, s.principal_type, s.role_id,
                s.conditional)
        """,
        *_keys(listed),
        [row.scope for row in rows],
        [row.principal_id for row in rows],
        [row.principal_type for row in rows],
        [row.role_id for row in rows],
        [row.conditional for row in rows],
    )
    await conn.execute(
        """
        UPDATE scanner.subscription
           SET grants_outcome = 'ok', grants_reason = NULL, grants_remedy = NULL,
               grants_listed_at = now()
         WHERE id = ANY ($1::text[])
        """,
        list(listed),
    )


async def save_unlisted(conn: Connection, unlisted: Sequence[Unlisted]) -> None:
    """Note why assignments could not be listed; what is stored of them stays."""
    await conn.execute(
        """
        UPDATE scanner.subscription AS s
           SET grants_outcome = n.outcome, grants_reason = n.reason, grants_remedy = n.remedy
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
               AS n (id, outcome, reason, remedy)
         WHERE s.id = n.id
        """,
        [one.subscription_id for one in unlisted],
        [one.outcome.value for one in unlisted],
        [one.reason for one in unlisted],
        [one.remedy for one in unlisted],
    )


async def list_listed_subscriptions(conn: Connection) -> list[str]:
    """Return the subscriptions whose assignments count as completely listed."""
    rows = await conn.fetch(
        "SELECT s.id FROM scanner.subscription s WHERE s.grants_outcome = 'ok' ORDER BY s.id"
    )
    return [row["id"] for row in rows]


def _keys(listed: Mapping[str, Sequence[RoleAssignment]]) -> tuple[list[str], list[str]]:
    pairs = [(subscription_id, one.id) for subscription_id, all_ in listed.items() for one in all_]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

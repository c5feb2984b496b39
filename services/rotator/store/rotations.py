"""Adding credentials and rotations, and what a person asks of one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import Signal, State
from shared.database import Connection
from shared.events import CredentialRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """A credential that is rotated: where it is, and where its value is kept."""

    id: UUID
    driver: str
    target: str
    subject: CredentialRef
    places: Sequence[Place]
    key_id: str | None
    lifetime: timedelta
    overlap: timedelta


async def save_credential(conn: Connection, managed: Managed) -> None:
    """Remember a credential and its places, in place of what was known of it."""
    await conn.execute(
        "INSERT INTO rotator.target (driver, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        *(managed.driver, managed.target),
    )
    await conn.execute(
        """
        INSERT INTO rotator.credential (id, driver, target, subject, key_id, lifetime, overlap)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE
           SET driver = excluded.driver, target = excluded.target, subject = excluded.subject,
               key_id = excluded.key_id, lifetime = excluded.lifetime, overlap = excluded.overlap,
               state = 'active'
        """,
        *(managed.id, managed.driver, managed.target, managed.subject.model_dump(mode="json")),
        *(managed.key_id, managed.lifetime, managed.overlap),
    )
    await conn.execute("DELETE FROM rotator.place WHERE credential_id = $1", managed.id)
    for position, place in enumerate(managed.places):
        await conn.execute(
            """
            INSERT INTO rotator.place (id, credential_id, vault_url, name, reference, position)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            *(place.id, managed.id, place.vault_url, place.name),
            *(place.reference.model_dump(mode="json"), position),
        )


async def list_taken(conn: Connection, managed: Managed) -> list[str]:
    """Return the names of those places that another credential has."""
    rows = await conn.fetch(
        """
        SELECT p.name
          FROM unnest($2::text[], $3::text[]) AS wanted (vault_url, name)
          JOIN rotator.place AS p ON lower(p.vault_url) = lower(wanted.vault_url)
                                 AND lower(p.name) = lower(wanted.name)
         WHERE p.credential_id <> $1
         ORDER BY p.name
        """,
        managed.id,
        [place.vault_url for place in managed.places],
        [place.name for place in managed.places],
    )
    return [row["name"] for row in rows]


async def list_neighbours(conn: Connection, managed: Managed) -> list[UUID]:
    """Return the other credentials of the same target that are rotated."""
    rows = await conn.fetch(
        """
        SELECT c.id
          FROM rotator.credential AS c
         WHERE c.driver = $2 AND c.target = $3 AND c.id <> $1 AND c.state <> 'released'
        """,
        *(managed.id, managed.driver, managed.target),
    )
    return [row["id"] for row in rows]


async def is_rotating(conn: Connection, credential_id: UUID) -> bool:
    """Say whether a rotation of a credential is under way."""
    rotating: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM rotator.rotation WHERE credential_id = $1 AND NOT over)",
        credential_id,
    )
    return rotating


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A rotation that was asked for; `trigger_key` names the cause, so that it counts once.

    `lifetime` is that of the new credential. It and `overlap` are the credential's own where None.
    """

    id: UUID
    credential_id: UUID
    trigger_key: str
    requested_by: str
    state: State = State.REQUESTED
    emergency: bool = False
    approval_required: bool = False
    lifetime: timedelta | None = None
    overlap: timedelta | None = None


async def add_rotation(conn: Connection, asked: Asked) -> bool:
    """Begin a rotation; False if its cause is known, or one of the credential is under way."""
    added = await conn.fetchval(
        """
        INSERT INTO rotator.rotation
               (id, credential_id, trigger_key, state, old_key_id, lifetime, overlap, requested_by,
                emergency, approval_required)
        SELECT $1, c.id, $3, $4, c.key_id, coalesce($8, c.lifetime),
               CASE WHEN $6 THEN interval '0' ELSE coalesce($9, c.overlap) END, $5, $6, $7
          FROM rotator.credential AS c
         WHERE c.id = $2 AND c.state = 'active'
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        *(asked.id, asked.credential_id, asked.trigger_key, asked.state, asked.requested_by),
        *(asked.emergency, asked.approval_required, asked.lifetime, asked.overlap),
    )
    if added is None:
        return False
    await conn.execute(
        """
        INSERT INTO rotator.rotation_place (rotation_id, place_id, position, vault_url, name,
               reference)
        SELECT $1, p.id, p.position, p.vault_url, p.name, p.reference
          FROM rotator.place AS p
         WHERE p.credential_id = $2
        """,
        *(asked.id, asked.credential_id),
    )
    return True


async def want(
    conn: Connection, rotation_id: UUID, wanted: Signal, states: Collection[State]
) -> bool:
    """Note what a person asks of a rotation in one of these states, and let it be looked at now."""
    noted = await conn.fetchval(
        """
        UPDATE rotator.rotation AS r
           SET wanted = $2,
               due_at = CASE WHEN EXISTS (
                   SELECT FROM rotator.credential AS c
                     JOIN rotator.target AS t ON t.driver = c.driver AND t.name = c.target
                    WHERE c.id = r.credential_id AND t.lease_owner IS NOT NULL)
                   THEN r.due_at ELSE now() END
         WHERE r.id = $1 AND r.state = ANY ($3::text[])
        RETURNING r.id
        """,
        *(rotation_id, wanted, list(states)),
    )
    return noted is not None


async def add_refused(conn: Connection, asked: Asked, reason: str) -> None:
    """Keep a request that cannot begin, so that whoever asked finds the sentence on why."""
    await conn.execute(
        """
        INSERT INTO rotator.rotation
               (id, credential_id, trigger_key, state, over, lifetime, overlap, requested_by,
                emergency, approval_required, reason)
        SELECT $1, c.id, $3, 'abandoned', true, c.lifetime, c.overlap, $4, $5, $6, $7
          FROM rotator.credential AS c
         WHERE c.id = $2
        ON CONFLICT DO NOTHING
        """,
        *(asked.id, asked.credential_id, asked.trigger_key, asked.requested_by),
        *(asked.emergency, asked.approval_required, reason),
    )


async def get_standing(conn: Connection, credential_id: UUID) -> str | None:
    """Return a credential's state, or None if it is not known."""
    state: str | None = await conn.fetchval(
        "SELECT c.state FROM rotator.credential AS c WHERE c.id = $1", credential_id
    )
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What an approval needs to know beside the rotation; instants by the database's clock."""

    requested_by: str
    shown_at: datetime
    now: datetime


async def lock_waiting(conn: Connection, rotation_id: UUID) -> Waiting | None:
    """Return who asked for a rotation and since when it waits, and keep others from changing it."""
    row = await conn.fetchrow(
        """
        SELECT r.requested_by, r.changed_at, now() AS now
          FROM rotator.rotation AS r
         WHERE r.id = $1
           FOR UPDATE
        """,
        rotation_id,
    )
    if row is None:
        return None
    return Waiting(requested_by=row["requested_by"], shown_at=row["changed_at"], now=row["now"])


async def save_approval(conn: Connection, rotation: Rotation, approver: str) -> None:
    """Let a rotation go on as it was allowed."""
    await conn.execute(
        """
        UPDATE rotator.rotation
           SET state = $2, approved_hash = $3, approved_by = $4, approved_at = now(),
               changed_at = now(), due_at = now(), tries = 0, reason = NULL
         WHERE id = $1 AND state = 'awaiting_approval'
        """,
        *(rotation.id, rotation.state, rotation.approved_hash, approver),
    )


async def look_again(conn: Connection, rotation_id: UUID) -> None:
    """Let a rotation that waits for copies look at them now."""
    await conn.execute(
        """
        UPDATE rotator.rotation
           SET due_at = now()
         WHERE id = $1 AND state = 'syncing' AND due_at > now()
        """,
        rotation_id,
    )


async def release(conn: Connection, credential_id: UUID) -> None:
    """Rotate a credential no longer; its history stays."""
    await conn.execute("DELETE FROM rotator.place WHERE credential_id = $1", credential_id)
    await conn.execute(
        "UPDATE rotator.credential SET state = 'released' WHERE id = $1", credential_id
    )

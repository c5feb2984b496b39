"""Adding credentials and rotations, and what a person asks of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.rotator.domain.rotation import Place
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


async def add_credential(conn: Connection, managed: Managed) -> None:
    """Remember a credential. Raises `UniqueViolationError` if one of its places has another."""
    await conn.execute(
        "INSERT INTO rotator.target (driver, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        *(managed.driver, managed.target),
    )
    await conn.execute(
        """
        INSERT INTO rotator.credential (id, driver, target, subject, key_id, lifetime, overlap)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        *(managed.id, managed.driver, managed.target, managed.subject.model_dump(mode="json")),
        *(managed.key_id, managed.lifetime, managed.overlap),
    )
    for position, place in enumerate(managed.places):
        await conn.execute(
            """
            INSERT INTO rotator.place (id, credential_id, vault_url, name, reference, position)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            *(place.id, managed.id, place.vault_url, place.name),
            *(place.reference.model_dump(mode="json"), position),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A rotation that was asked for; `trigger_key` names the cause, so that it counts once."""

    id: UUID
    credential_id: UUID
    trigger_key: str
    requested_by: str
    state: State = State.REQUESTED
    emergency: bool = False


async def add_rotation(conn: Connection, asked: Asked) -> bool:
    """Begin a rotation; False if its cause is known, or one of the credential is under way."""
    added = await conn.fetchval(
        """
        INSERT INTO rotator.rotation
               (id, credential_id, trigger_key, state, old_key_id, lifetime, overlap, requested_by)
        SELECT $1, c.id, $3, $4, c.key_id, c.lifetime,
               CASE WHEN $6 THEN interval '0' ELSE c.overlap END, $5
          FROM rotator.credential AS c
         WHERE c.id = $2 AND c.state = 'active'
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        *(asked.id, asked.credential_id, asked.trigger_key, asked.state, asked.requested_by),
        asked.emergency,
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


async def want(conn: Connection, rotation_id: UUID, wanted: Signal) -> bool:
    """Note what a person asks of a rotation that is under way, and let it be looked at now."""
    noted = await conn.fetchval(
        """
        UPDATE rotator.rotation AS r
           SET wanted = $2,
               due_at = CASE WHEN EXISTS (
                   SELECT FROM rotator.credential AS c
                     JOIN rotator.target AS t ON t.driver = c.driver AND t.name = c.target
                    WHERE c.id = r.credential_id AND t.lease_owner IS NOT NULL)
                   THEN r.due_at ELSE now() END
         WHERE r.id = $1 AND NOT r.over
        RETURNING r.id
        """,
        *(rotation_id, wanted),
    )
    return noted is not None

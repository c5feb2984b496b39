"""Plans that somebody asked to see."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.rotator.domain.rotation import Rotation
from services.rotator.domain.state import State
from services.rotator.store.rows import to_place
from shared.database import Connection
from shared.events import CredentialRef

KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A plan, or the sentence on why there is none."""

    id: UUID
    credential_id: UUID
    emergency: bool
    requested_by: str
    digest: str | None = None
    document: dict[str, Any] | None = None
    failure: str | None = None


async def imagine(
    conn: Connection, plan_id: UUID, credential_id: UUID, *, emergency: bool
) -> Rotation | None:
    """Return the rotation that would be made of a credential, or None if it is not known."""
    row = await conn.fetchrow(
        """
        SELECT c.id, c.driver, c.target, c.subject, c.key_id, c.lifetime, c.overlap
          FROM rotator.credential AS c
         WHERE c.id = $1
        """,
        credential_id,
    )
    if row is None:
        return None
    places = await conn.fetch(
        """
        SELECT p.id AS place_id, p.vault_url, p.name, p.reference, NULL AS base_version,
               NULL AS new_version, NULL AS reverted_version
          FROM rotator.place AS p
         WHERE p.credential_id = $1
         ORDER BY p.position, p.id
        """,
        credential_id,
    )
    return Rotation(
        id=plan_id,
        credential_id=row["id"],
        driver=row["driver"],
        target=row["target"],
        subject=CredentialRef.model_validate(row["subject"]),
        state=State.REQUESTED,
        places=tuple(map(to_place, places)),
        overlap=timedelta(0) if emergency else row["overlap"],
        lifetime=row["lifetime"],
        old_key_id=row["key_id"],
        emergency=emergency,
    )


async def add(conn: Connection, outcome: Outcome) -> None:
    """Keep a plan for whoever asked, and forget those that are old."""
    await conn.execute(
        """
        INSERT INTO rotator.plan
               (id, credential_id, emergency, requested_by, plan_hash, document, failure)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO NOTHING
        """,
        *(outcome.id, outcome.credential_id, outcome.emergency, outcome.requested_by),
        *(outcome.digest, outcome.document, outcome.failure),
    )
    await conn.execute("DELETE FROM rotator.plan WHERE made_at < now() - $1::interval", KEPT)

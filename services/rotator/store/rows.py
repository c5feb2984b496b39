"""Rows of the schema as values."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import Signal, State
from shared.events import CredentialRef

ROTATION: Final = """
    SELECT r.id, r.credential_id, c.driver, c.target, c.subject, r.state, r.attempt, r.before,
           r.tries, r.polls, r.confirmations, r.old_key_id, r.new_key_id, r.lifetime, r.overlap,
           r.not_before, r.reason, r.wanted, r.emergency, r.approval_required, r.plan,
           r.plan_hash, r.approved_hash
      FROM rotator.rotation AS r
      JOIN rotator.credential AS c ON c.id = r.credential_id
"""
PLACES: Final = """
    SELECT p.place_id, p.vault_url, p.name, p.reference, p.base_version, p.new_version,
           p.reverted_version
      FROM rotator.rotation_place AS p
     WHERE p.rotation_id = $1
     ORDER BY p.position, p.place_id
"""


def to_rotation(row: asyncpg.Record, places: Sequence[asyncpg.Record]) -> Rotation:
    """Return the rotation that these rows are."""
    wanted = row["wanted"]
    return Rotation(
        id=row["id"],
        credential_id=row["credential_id"],
        driver=row["driver"],
        target=row["target"],
        subject=CredentialRef.model_validate(row["subject"]),
        state=State(row["state"]),
        places=tuple(map(to_place, places)),
        overlap=row["overlap"],
        lifetime=row["lifetime"],
        old_key_id=row["old_key_id"],
        new_key_id=row["new_key_id"],
        attempt=row["attempt"],
        before=tuple(row["before"]),
        tries=row["tries"],
        polls=row["polls"],
        confirmations=row["confirmations"],
        not_before=row["not_before"],
        reason=row["reason"],
        wanted=Signal(wanted) if wanted else None,
        emergency=row["emergency"],
        approval_required=row["approval_required"],
        plan=row["plan"],
        plan_hash=row["plan_hash"],
        approved_hash=row["approved_hash"],
    )


def to_place(row: asyncpg.Record) -> Place:
    return Place(
        id=row["place_id"],
        vault_url=row["vault_url"],
        name=row["name"],
        reference=CredentialRef.model_validate(row["reference"]),
        base_version=row["base_version"],
        new_version=row["new_version"],
        reverted_version=row["reverted_version"],
    )

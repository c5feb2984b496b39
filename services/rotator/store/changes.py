"""Writing down what came of a step: the rotation, its places, its history, its credential."""

from uuid import UUID

from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import Signal, State
from shared.audit import Action, AuditEntry, record
from shared.database import Connection

_ACTOR = "rotator"
_REASON_LENGTH = 500
_ACTIONS = {
    State.CREATED: Action.ROTATION_CREDENTIAL_MADE,
    State.PUBLISHED: Action.ROTATION_PUBLISHED,
    State.SWEEPING: Action.ROTATION_CREDENTIAL_REMOVED,
    State.ROLLING_BACK: Action.ROTATION_ROLLED_BACK,
    State.COMPLETED: Action.ROTATION_COMPLETED,
    State.ABANDONED: Action.ROTATION_STOPPED,
    State.CONFLICT: Action.ROTATION_STOPPED,
    State.FAILED: Action.ROTATION_STOPPED,
}
_STOPPED = frozenset({State.ABANDONED, State.CONFLICT, State.FAILED})


async def lock_wanted(conn: Connection, rotation_id: UUID) -> Signal | None:
    """Return what a person asked of a rotation by now, and let nobody ask until it is saved."""
    wanted = await conn.fetchval(
        "SELECT r.wanted FROM rotator.rotation AS r WHERE r.id = $1 FOR UPDATE", rotation_id
    )
    return Signal(wanted) if wanted else None


async def save(
    conn: Connection, before: Rotation, after: Rotation, *, epoch: int, wait: float
) -> bool:
    """Save a rotation, to be looked at again after `wait` seconds; say whether it was `before`."""
    saved = await conn.fetchval(
        """
        UPDATE rotator.rotation AS r
           SET state = $3, over = $4, attempt = $5, before = $6, tries = $7, polls = $8,
               confirmations = $9, old_key_id = $10, new_key_id = $11, lifetime = $12,
               not_before = $13, reason = $14, changed_at = now(),
               wanted = $15,
               due_at = now() + make_interval(secs => $16), plan_hash = $17, plan = $18
         WHERE r.id = $1 AND r.state = $2
        RETURNING r.id
        """,
        *(after.id, before.state, after.state, after.is_over, after.attempt, list(after.before)),
        *(after.tries, after.polls, after.confirmations, after.old_key_id, after.new_key_id),
        *(after.lifetime, after.not_before, after.reason),
        *(after.wanted, wait, after.plan_hash, after.plan),
    )
    if saved is None:
        return False
    for place in after.places:
        if place not in before.places:
            await _save_place(conn, after, place)
    if before.state is not after.state:
        await _moved(conn, before, after, epoch)
    return True


async def _save_place(conn: Connection, rotation: Rotation, place: Place) -> None:
    await conn.execute(
        """
        UPDATE rotator.rotation_place
           SET base_version = $3, new_version = $4, reverted_version = $5
         WHERE rotation_id = $1 AND place_id = $2
        """,
        *(rotation.id, place.id, place.base_version, place.new_version, place.reverted_version),
    )


async def _moved(conn: Connection, before: Rotation, after: Rotation, epoch: int) -> None:
    await conn.execute(
        """
        INSERT INTO rotator.rotation_step
               (rotation_id, previous_state, state, attempt, epoch, reason)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        *(after.id, before.state, after.state, after.attempt, epoch, after.reason),
    )
    await _save_credential(conn, after)
    if after.state in _ACTIONS:
        await record(conn, _entry(before, after))


async def _save_credential(conn: Connection, after: Rotation) -> None:
    """Note which credential is in use when one was replaced; keep one aside that needs a person."""
    await conn.execute(
        """
        UPDATE rotator.credential
           SET key_id = CASE WHEN $2 = 'completed' THEN $3 ELSE key_id END,
               state = CASE WHEN $2 IN ('failed', 'conflict') THEN 'quarantined' ELSE state END
         WHERE id = $1 AND $2 IN ('completed', 'failed', 'conflict')
        """,
        *(after.credential_id, after.state, after.new_key_id),
    )


def _entry(before: Rotation, after: Rotation) -> AuditEntry:
    stopped = after.state in _STOPPED
    return AuditEntry(
        action=_ACTIONS[after.state],
        actor=_ACTOR,
        subject=str(after.id),
        outcome="failed" if stopped else "done",
        scope=f"{after.driver} {after.target}"[:300],
        reason=(after.reason or "")[:_REASON_LENGTH] or None if stopped else None,
        before=before.state,
        after=after.state,
    )

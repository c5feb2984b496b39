"""Deciding about a rotation that is under way: approved, rejected, taken back, rolled back.

The audit entry and the event stand or fall together. The rotator looks again at what is possible
when the event arrives.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from asyncpg import Record

from services.gateway.domain import problem
from services.gateway.domain.rotation import (
    Rotation,
    refusal_to_approve,
    refusal_to_reject,
    refusal_to_roll_back,
    refusal_to_withdraw,
)
from services.gateway.domain.session import is_fresh
from services.gateway.queries import rotations
from services.gateway.steps import audit_trail
from services.gateway.steps.asker import Asker
from services.gateway.steps.once import Accepted, key_of, once
from shared.audit import Action
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import RotationChangeRequested
from shared.events.rotation import RotationChange

_WAITS_FOR_A_DECISION: Final = frozenset({RotationChange.APPROVE, RotationChange.REJECT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is wanted of a rotation; `plan_hash` is that of the plan that was read."""

    what: RotationChange
    reason: str = ""
    plan_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRotation:
    """Asks the rotator. Raises `ProblemError` for what is refused, and for a key used elsewhere."""

    pool: Pool
    bus: Bus
    clock: Clock

    async def __call__(
        self, asker: Asker, rotation_id: UUID, change: Change, key: str | None
    ) -> Accepted:
        """Ask once. Approving asks for a password given just now.

        An approval of one plan by one person is the same request, with a key or without: the
        rotator would call the second one refused.
        """
        words = ("POST /rotations", str(rotation_id), str(change))
        if key is None and change.what is RotationChange.APPROVE:
            key = "\n".join(words)
        if change.what is RotationChange.APPROVE and not is_fresh(asker.session, self.clock()):
            raise problem.confirm_first()
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, *words),
                user_id=asker.session.user_id,
                at=self.clock(),
                act=partial(self._ask, conn, asker, rotation_id, change),
            )

    async def _ask(
        self, conn: Connection, asker: Asker, rotation_id: UUID, change: Change
    ) -> Accepted:
        row = await rotations.get_rotation(conn, rotation_id, asker.scope)
        if row is None:
            raise problem.not_found("rotation")
        rotation = await as_rotation(conn, row)
        if why := self._refusal(asker, rotation, change):
            refused = change.what in _WAITS_FOR_A_DECISION
            raise problem.approval_refused(why) if refused else problem.rotation_refused(why)
        event = RotationChangeRequested(
            rotation_id=rotation_id,
            change=change.what,
            requested_by=asker.name,
            plan_hash=change.plan_hash or None,
            reason=change.reason,
        )
        await self.bus.emit(event, connection=conn, correlation_id=asker.course)
        await audit_trail.act(
            conn,
            asker.session,
            Action.ROTATION_CHANGE_REQUESTED,
            str(rotation_id),
            asker.caller,
            scope=change.what,
            before=rotation.state,
            after=change.plan_hash or None,
            reason=change.reason or None,
            correlation_id=asker.course,
        )
        answer = {"id": str(rotation_id), "change": change.what.value}
        return Accepted(location=f"/api/v1/rotations/{rotation_id}", answer=answer)

    def _refusal(self, asker: Asker, rotation: Rotation, change: Change) -> str | None:
        match change.what:
            case RotationChange.APPROVE:
                return refusal_to_approve(
                    rotation, by=asker.name, plan_hash=change.plan_hash, now=self.clock()
                )
            case RotationChange.REJECT:
                return refusal_to_reject(rotation, by=asker.name)
            case RotationChange.WITHDRAW:
                return refusal_to_withdraw(rotation, by=asker.name)
            case RotationChange.ROLL_BACK:
                return refusal_to_roll_back(rotation)


async def as_rotation(conn: Connection | Pool, row: Record) -> Rotation:
    """Return a row of `queries.rotations` as what decides about it."""
    steps = await rotations.list_steps(conn, row["id"])
    return Rotation(
        state=row["state"],
        can_roll_back=row["can_roll_back"],
        requested_by=row["requested_by"],
        plan_hash=row["plan_hash"],
        shown_at=row["changed_at"],
        stopped_in=steps[-1]["previous_state"] if steps else None,
    )

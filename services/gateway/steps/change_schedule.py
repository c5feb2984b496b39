"""Changing a schedule: the request's row, its audit entry and its event stand or fall together."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from services.gateway.steps.once import Accepted, key_of, once
from services.gateway.store import schedules
from shared.audit import Action
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import ScanScheduleRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSchedule:
    """Asks the scanner for schedules as they are wanted, or for their removal."""

    pool: Pool
    bus: Bus
    clock: Clock

    async def add(
        self,
        session: Session,
        wanted: dict[str, Any],
        course: UUID,
        caller: Caller,
        key: str | None,
    ) -> Accepted:
        """Add a schedule; the same `key` with the same request gives the same answer again.

        Raises `ProblemError` when the key was used for another request.
        """
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /schedules", str(wanted)),
                user_id=session.user_id,
                at=self.clock(),
                act=partial(self._ask, conn, session, uuid4(), wanted, course, caller),
            )

    async def change(
        self,
        session: Session,
        schedule_id: UUID,
        wanted: dict[str, Any],
        course: UUID,
        caller: Caller,
    ) -> Accepted:
        """Ask for a schedule as it is wanted now; `removed` in it asks for its removal."""
        async with self.pool.transaction() as conn:
            return await self._ask(conn, session, schedule_id, wanted, course, caller)

    async def _ask(
        self,
        conn: Connection,
        session: Session,
        schedule_id: UUID,
        wanted: dict[str, Any],
        course: UUID,
        caller: Caller,
    ) -> Accepted:
        event = ScanScheduleRequested(
            schedule_id=schedule_id,
            revision=await schedules.next_revision(conn, schedule_id),
            requested_by=session.username,
            **wanted,
        )
        await schedules.save_request(conn, event, self.clock())
        await self.bus.emit(event, connection=conn, correlation_id=course)
        action = Action.SCHEDULE_REMOVED if event.removed else Action.SCHEDULE_CHANGED
        await audit_trail.schedule_changed(conn, session, action, event, course, caller)
        answer = {"id": str(schedule_id), "revision": event.revision, "state": "requested"}
        return Accepted(location=f"/api/v1/schedules/{schedule_id}", answer=answer)

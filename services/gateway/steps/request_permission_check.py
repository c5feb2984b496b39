"""Asking for a look at discovery's permissions: the audit entry and the event stand together."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from services.gateway.steps.once import Accepted, key_of, once
from services.gateway.store import requests
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import PermissionCheckRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPermissionCheck:
    """Asks the scanner for a check."""

    pool: Pool
    bus: Bus
    clock: Clock

    async def __call__(
        self, session: Session, *, course: UUID, caller: Caller, key: str | None
    ) -> Accepted:
        """Ask once, and tell the instant after which a check must have begun to be the answer.

        It is the database's, as the checks' own are: no two clocks are compared.
        """
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /permissions/check"),
                user_id=session.user_id,
                at=self.clock(),
                act=partial(self._ask, conn, session, course, caller),
            )

    async def _ask(
        self, conn: Connection, session: Session, course: UUID, caller: Caller
    ) -> Accepted:
        at = await requests.get_time(conn)
        event = PermissionCheckRequested(requested_at=at, requested_by=session.username)
        await self.bus.emit(event, connection=conn, correlation_id=course)
        await audit_trail.permission_check_requested(conn, session, course, caller)
        return Accepted(location="/api/v1/permissions", answer={"requested_at": at.isoformat()})

"""Asking for a look at discovery's permissions: the audit entry and the event stand together."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from services.gateway.store import requests
from shared.bus import Bus
from shared.database import Pool
from shared.events import PermissionCheckRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPermissionCheck:
    """Asks the scanner for a check."""

    pool: Pool
    bus: Bus

    async def __call__(self, session: Session, *, course: UUID, caller: Caller) -> datetime:
        """Ask, and return the instant after which a check must have begun to be the answer.

        It is the database's, as the checks' own are: no two clocks are compared.
        """
        async with self.pool.transaction() as conn:
            at = await requests.get_time(conn)
            event = PermissionCheckRequested(requested_at=at, requested_by=session.username)
            await self.bus.emit(event, connection=conn, correlation_id=course)
            await audit_trail.permission_check_requested(conn, session, course, caller)
        return at

"""Asking for a scan: the request's row, its audit entry and its event stand or fall together."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from services.gateway.steps.once import Accepted, key_of, once
from services.gateway.store import requests
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import ScanRequested
from shared.events.scanning import ScanMode
from shared.selector import SelectorError, parse_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestScan:
    """Asks the scanner for a scan."""

    pool: Pool
    bus: Bus
    clock: Clock

    async def __call__(
        self,
        session: Session,
        *,
        mode: ScanMode,
        subscriptions: tuple[str, ...],
        selector: str,
        course: UUID,
        caller: Caller,
        key: str | None,
    ) -> Accepted:
        """Ask once; the same `key` with the same request gives the same answer again.

        Somebody with a scope asks within it: a selector's terms must all apply. Raises
        `ProblemError` when the key was used for another request.
        """
        selector = _within(session.scope, selector)
        event = ScanRequested(
            scan_id=uuid4(),
            mode=mode,
            subscription_ids=subscriptions,
            selector=selector,
            requested_by=session.username,
        )
        # Without a selector the words are what they were before there were selectors.
        words = (mode, *subscriptions, *(("", selector) if selector else ()))
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /scans", *words),
                user_id=session.user_id,
                at=self.clock(),
                act=partial(self._ask, conn, session, event, course, caller),
            )

    async def _ask(
        self,
        conn: Connection,
        session: Session,
        event: ScanRequested,
        course: UUID,
        caller: Caller,
    ) -> Accepted:
        await requests.add_scan_request(conn, event, self.clock())
        await self.bus.emit(event, connection=conn, correlation_id=course)
        await audit_trail.scan_requested(conn, session, event.scan_id, event.mode, course, caller)
        answer = {"id": str(event.scan_id), "state": "requested", "mode": event.mode.value}
        return Accepted(location=f"/api/v1/scans/{event.scan_id}", answer=answer)


def _within(scope: str, selector: str) -> str:
    """Return a selector within a scope. Raises `ProblemError` where both are too long together."""
    both = " ".join(filter(None, (scope, selector)))
    try:
        return str(parse_scope(both))
    except SelectorError as error:
        raise problem.invalid(f"With your scope before it, it cannot be read: {error}.") from error

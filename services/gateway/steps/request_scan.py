"""Asking for a scan: the request's row, its audit entry and its event stand or fall together."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from services.gateway.store import requests
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import ScanRequested
from shared.events.scanning import ScanMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A request that was accepted; `again` says that it had been before."""

    location: str
    answer: dict[str, Any]
    again: bool = False


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

        Raises `ProblemError` when the key was used for another request.
        """
        async with self.pool.transaction() as conn:
            if key is not None:
                earlier = await self._earlier(
                    conn, session, key, _digest(mode, subscriptions, selector)
                )
                if earlier is not None:
                    return earlier
            accepted = await self._ask(
                conn,
                session,
                mode=mode,
                subscriptions=subscriptions,
                selector=selector,
                course=course,
                caller=caller,
            )
            if key is not None:
                await requests.save_answer(
                    conn,
                    session.user_id,
                    key,
                    location=accepted.location,
                    answer=accepted.answer,
                )
            return accepted

    async def _earlier(
        self, conn: Connection, session: Session, key: str, digest: bytes
    ) -> Accepted | None:
        found = await requests.claim_key(conn, session.user_id, key, digest, self.clock())
        if found is None:
            return None
        if found.request != digest or found.location is None:
            raise problem.key_reused()
        return Accepted(location=found.location, answer=found.answer, again=True)

    async def _ask(
        self,
        conn: Connection,
        session: Session,
        *,
        mode: ScanMode,
        subscriptions: tuple[str, ...],
        selector: str,
        course: UUID,
        caller: Caller,
    ) -> Accepted:
        scan_id = uuid4()
        await requests.add_scan_request(
            conn,
            scan_id,
            mode=mode,
            subscription_ids=subscriptions,
            selector=selector,
            requested_by=session.username,
            at=self.clock(),
        )
        event = ScanRequested(
            scan_id=scan_id,
            mode=mode,
            subscription_ids=subscriptions,
            selector=selector,
            requested_by=session.username,
        )
        await self.bus.emit(event, connection=conn, correlation_id=course)
        await audit_trail.scan_requested(conn, session, scan_id, mode, course, caller)
        answer = {"id": str(scan_id), "state": "requested", "mode": mode.value}
        return Accepted(location=f"/api/v1/scans/{scan_id}", answer=answer)


def _digest(mode: ScanMode, subscriptions: tuple[str, ...], selector: str) -> bytes:
    """Return what a request is known by; without a selector it is what it was before there were."""
    parts = ("POST /scans", mode, *subscriptions, *(("", selector) if selector else ()))
    return hashlib.sha256("\n".join(parts).encode()).digest()

"""What the gateway writes to the audit log, always in the transaction of the act."""

from typing import Any
from uuid import UUID

from services.gateway.domain.caller import Caller
from services.gateway.domain.role import Permission
from services.gateway.domain.session import Session
from shared.audit import Action, AuditEntry, record
from shared.database import Connection
from shared.events import ScanScheduleRequested, ThresholdChangeRequested

NOBODY = "somebody who is not signed in"


async def act(
    conn: Connection,
    session: Session,
    action: Action,
    subject: str,
    caller: Caller,
    **details: Any,  # noqa: ANN401 - the entry itself says which there are
) -> None:
    """Record what somebody who is signed in did; `details` are further fields of `AuditEntry`."""
    entry = AuditEntry(
        action=action, actor=session.username, subject=subject, address=caller.address, **details
    )
    await record(conn, entry)


async def session_opened(conn: Connection, session: Session, caller: Caller) -> None:
    await act(conn, session, Action.SESSION_OPENED, str(session.id), caller, scope=session.carrier)


async def session_closed(conn: Connection, session: Session, caller: Caller) -> None:
    await act(conn, session, Action.SESSION_CLOSED, str(session.id), caller)


async def session_refused(
    conn: Connection, username: str | None, reason: str, caller: Caller
) -> None:
    """Record a refusal. A name that no user has is not written: it may be a mistyped password."""
    await record(
        conn,
        AuditEntry(
            action=Action.SESSION_REFUSED,
            actor=username or NOBODY,
            subject=username or "an unknown name",
            outcome="refused",
            reason=reason,
            address=caller.address,
        ),
    )


async def account_locked(conn: Connection, username: str, scope: str, caller: Caller) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.ACCOUNT_LOCKED,
            actor=NOBODY,
            subject=username,
            scope=scope,
            address=caller.address,
        ),
    )


async def break_glass_offered(conn: Connection, username: str) -> None:
    await record(
        conn,
        AuditEntry(action=Action.BREAK_GLASS_OFFERED, actor="command line", subject=username),
    )


async def administrator_created(conn: Connection, username: str, by: str, caller: Caller) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.ADMINISTRATOR_CREATED,
            actor=by,
            subject=username,
            address=caller.address,
        ),
    )


async def access_denied(
    conn: Connection,
    session: Session,
    permission: Permission,
    endpoint: str,
    why: str,
    caller: Caller,
) -> None:
    await act(
        conn,
        session,
        Action.ACCESS_DENIED,
        endpoint,
        caller,
        outcome="refused",
        scope=permission,
        reason=f"{why}: {session.role}, scope {session.scope or 'everything'}"[:500],
    )


async def scan_requested(
    conn: Connection, session: Session, scan_id: UUID, mode: str, course: UUID, caller: Caller
) -> None:
    await act(
        conn,
        session,
        Action.SCAN_REQUESTED,
        str(scan_id),
        caller,
        scope=mode,
        correlation_id=course,
    )


async def schedule_changed(
    conn: Connection,
    session: Session,
    action: Action,
    asked: ScanScheduleRequested,
    course: UUID,
    caller: Caller,
) -> None:
    await act(
        conn,
        session,
        action,
        str(asked.schedule_id),
        caller,
        scope=asked.mode,
        after=None if asked.removed else f"{asked.name}: {asked.cron} {asked.time_zone}"[:300],
        correlation_id=course,
    )


async def permission_check_requested(
    conn: Connection, session: Session, course: UUID, caller: Caller
) -> None:
    await act(
        conn,
        session,
        Action.PERMISSION_CHECK_REQUESTED,
        "the identity that discovers",
        caller,
        correlation_id=course,
    )


async def threshold_requested(
    conn: Connection,
    session: Session,
    event: ThresholdChangeRequested,
    course: UUID,
    caller: Caller,
) -> None:
    await act(
        conn,
        session,
        Action.THRESHOLD_REQUESTED,
        event.name or "everything",
        caller,
        scope=event.scope,
        correlation_id=course,
    )


async def audit_exported(conn: Connection, session: Session, form: str, caller: Caller) -> None:
    """Record who took the audit log away: it tells who did what."""
    await act(conn, session, Action.AUDIT_EXPORTED, "the audit log", caller, scope=form)

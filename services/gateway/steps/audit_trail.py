"""What the gateway writes to the audit log, always in the transaction of the act."""

from uuid import UUID

from services.gateway.domain.caller import Caller
from services.gateway.domain.role import Permission
from services.gateway.domain.session import Session
from shared.audit import Action, AuditEntry, record
from shared.database import Connection
from shared.events import ScanScheduleRequested, ThresholdChangeRequested

NOBODY = "somebody who is not signed in"


async def session_opened(conn: Connection, session: Session, caller: Caller) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.SESSION_OPENED,
            actor=session.username,
            subject=str(session.id),
            scope=session.carrier,
            address=caller.address,
        ),
    )


async def session_closed(conn: Connection, session: Session, caller: Caller) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.SESSION_CLOSED,
            actor=session.username,
            subject=str(session.id),
            address=caller.address,
        ),
    )


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
    await record(
        conn,
        AuditEntry(
            action=Action.ACCESS_DENIED,
            actor=session.username,
            subject=endpoint,
            outcome="refused",
            scope=permission,
            reason=f"{why}: {session.role}, scope {session.scope or 'everything'}"[:500],
            address=caller.address,
        ),
    )


async def scan_requested(
    conn: Connection, session: Session, scan_id: UUID, mode: str, course: UUID, caller: Caller
) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.SCAN_REQUESTED,
            actor=session.username,
            subject=str(scan_id),
            scope=mode,
            correlation_id=course,
            address=caller.address,
        ),
    )


async def schedule_changed(
    conn: Connection,
    session: Session,
    action: Action,
    asked: ScanScheduleRequested,
    course: UUID,
    caller: Caller,
) -> None:
    await record(
        conn,
        AuditEntry(
            action=action,
            actor=session.username,
            subject=str(asked.schedule_id),
            scope=asked.mode,
            after=None if asked.removed else f"{asked.name}: {asked.cron} {asked.time_zone}"[:300],
            correlation_id=course,
            address=caller.address,
        ),
    )


async def permission_check_requested(
    conn: Connection, session: Session, course: UUID, caller: Caller
) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.PERMISSION_CHECK_REQUESTED,
            actor=session.username,
            subject="the identity that discovers",
            correlation_id=course,
            address=caller.address,
        ),
    )


async def threshold_requested(
    conn: Connection,
    session: Session,
    event: ThresholdChangeRequested,
    course: UUID,
    caller: Caller,
) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.THRESHOLD_REQUESTED,
            actor=session.username,
            subject=event.name or "everything",
            scope=event.scope,
            correlation_id=course,
            address=caller.address,
        ),
    )


async def dead_letters_moved(
    conn: Connection,
    session: Session,
    action: Action,
    queue: str,
    which: str,
    amount: int,
    caller: Caller,
    *,
    failure: str | None = None,
) -> None:
    await record(
        conn,
        AuditEntry(
            action=action,
            actor=session.username,
            subject=queue,
            scope=which,
            amount=amount,
            outcome="failed" if failure else "done",
            reason=failure,
            address=caller.address,
        ),
    )


async def audit_exported(conn: Connection, session: Session, form: str, caller: Caller) -> None:
    """Record who took the audit log away: it tells who did what."""
    await record(
        conn,
        AuditEntry(
            action=Action.AUDIT_EXPORTED,
            actor=session.username,
            subject="the audit log",
            scope=form,
            address=caller.address,
        ),
    )

"""What the gateway writes to the audit log about users, their passwords and their sessions."""

from services.gateway.domain.caller import Caller
from services.gateway.domain.role import Role
from services.gateway.domain.session import Session
from shared.audit import Action, AuditEntry, record
from shared.database import Connection

LONGEST = 300


async def user_act(
    conn: Connection, session: Session, action: Action, username: str, caller: Caller
) -> None:
    """Record an act on somebody that has no details."""
    await record(
        conn,
        AuditEntry(action=action, actor=session.username, subject=username, address=caller.address),
    )


async def token_act(
    conn: Connection, session: Session, action: Action, name: str, caller: Caller
) -> None:
    """Record an act on one of somebody's own API tokens, by the token's name."""
    await record(
        conn,
        AuditEntry(
            action=action,
            actor=session.username,
            subject=f"{session.username}/{name}",
            address=caller.address,
        ),
    )


async def user_created(
    conn: Connection, session: Session, username: str, role: Role, scope: str, caller: Caller
) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.USER_CREATED,
            actor=session.username,
            subject=username,
            scope=role,
            after=(scope or "everything")[:LONGEST],
            address=caller.address,
        ),
    )


async def user_changed(
    conn: Connection, session: Session, username: str, was: str, now: str, caller: Caller
) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.USER_CHANGED,
            actor=session.username,
            subject=username,
            before=was[:LONGEST],
            after=now[:LONGEST],
            address=caller.address,
        ),
    )


async def sessions_revoked(
    conn: Connection, session: Session, username: str, amount: int, caller: Caller
) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.SESSIONS_REVOKED,
            actor=session.username,
            subject=username,
            amount=amount,
            address=caller.address,
        ),
    )


async def session_confirmed(conn: Connection, session: Session, caller: Caller) -> None:
    await record(
        conn,
        AuditEntry(
            action=Action.SESSION_CONFIRMED,
            actor=session.username,
            subject=str(session.id),
            address=caller.address,
        ),
    )


async def password_changed(conn: Connection, session: Session, amount: int, caller: Caller) -> None:
    """Record that somebody chose another password, and how many other sessions ended with it."""
    await record(
        conn,
        AuditEntry(
            action=Action.PASSWORD_CHANGED,
            actor=session.username,
            subject=session.username,
            amount=amount,
            address=caller.address,
        ),
    )

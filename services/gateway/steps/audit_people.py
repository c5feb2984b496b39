"""What the gateway writes to the audit log about users, their passwords and their sessions."""

from services.gateway.domain.caller import Caller
from services.gateway.domain.role import Role
from services.gateway.domain.session import Session
from services.gateway.steps.audit_trail import act
from shared.audit import Action
from shared.database import Connection

LONGEST = 300


async def token_act(
    conn: Connection, session: Session, action: Action, name: str, caller: Caller
) -> None:
    """Record an act on one of somebody's own API tokens, by the token's name."""
    await act(conn, session, action, f"{session.username}/{name}", caller)


async def user_created(
    conn: Connection, session: Session, username: str, role: Role, scope: str, caller: Caller
) -> None:
    await act(
        conn,
        session,
        Action.USER_CREATED,
        username,
        caller,
        scope=role,
        after=(scope or "everything")[:LONGEST],
    )


async def user_changed(
    conn: Connection, session: Session, username: str, was: str, now: str, caller: Caller
) -> None:
    await act(
        conn,
        session,
        Action.USER_CHANGED,
        username,
        caller,
        before=was[:LONGEST],
        after=now[:LONGEST],
    )


async def sessions_revoked(
    conn: Connection, session: Session, username: str, amount: int, caller: Caller
) -> None:
    await act(conn, session, Action.SESSIONS_REVOKED, username, caller, amount=amount)


async def session_confirmed(conn: Connection, session: Session, caller: Caller) -> None:
    await act(conn, session, Action.SESSION_CONFIRMED, str(session.id), caller)


async def password_changed(conn: Connection, session: Session, amount: int, caller: Caller) -> None:
    """Record that somebody chose another password, and how many other sessions ended with it."""
    await act(conn, session, Action.PASSWORD_CHANGED, session.username, caller, amount=amount)

"""What is written to the audit log about the keys that wrap others."""

from typing import Final

from services.gateway.domain.keyring import KeyName
from shared.audit import Action, AuditEntry, record
from shared.database import Connection

ACTOR: Final = "certifyclouds keys rotate"


async def key_wrapped(conn: Connection, name: KeyName) -> None:
    """Record that the present SECRET_KEY wraps a data key from now on."""
    await _record(conn, Action.KEY_WRAPPED, name)


async def key_made(conn: Connection, name: KeyName) -> None:
    """Record that a new data key encrypts from now on."""
    await _record(conn, Action.KEY_MADE, name)


async def key_retired(conn: Connection, name: KeyName) -> None:
    """Record that a data key is gone: no row needed it any more."""
    await _record(conn, Action.KEY_RETIRED, name)


async def keys_rotated(conn: Connection, amount: int) -> None:
    """Record that the previous SECRET_KEY opens nothing any more."""
    await record(
        conn,
        AuditEntry(action=Action.KEYS_ROTATED, actor=ACTOR, subject="SECRET_KEY", amount=amount),
    )


async def _record(conn: Connection, action: Action, name: KeyName) -> None:
    await record(conn, AuditEntry(action=action, actor=ACTOR, subject=str(name)))

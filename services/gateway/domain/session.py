"""A session's life: eight hours at most, one hour without use, revocable at any moment.

The row in the database is the truth. A token only points at it, and is worth nothing without it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from uuid import UUID

from services.gateway.domain.role import GRANTS, Permission, Role, allows

LIFETIME: Final = timedelta(hours=8)
IDLE: Final = timedelta(minutes=60)
TOUCH_AFTER: Final = timedelta(seconds=60)
LEEWAY: Final = timedelta(seconds=5)
FRESH_FOR: Final = timedelta(minutes=5)


class Carrier(StrEnum):
    """How the token travels. One kind is never accepted as the other."""

    COOKIE = "cookie"
    BEARER = "bearer"
    API = "api"  # an API token: there is no session's row behind it


class Ended(StrEnum):
    """Why a session is over."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    IDLE = "idle"
    USER_DISABLED = "user_disabled"
    WRONG_CARRIER = "wrong_carrier"
    RIGHTS_CHANGED = "rights_changed"  # the session lives on, what was opened with it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A row: whose session it is, how it travels, and its instants.

    `scope` is a selector of the vaults that its user may see, empty for everything. `permissions`
    are those of an API token; None: whatever the role includes.
    """

    id: UUID
    user_id: UUID
    username: str
    role: Role
    carrier: Carrier
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None = None
    user_disabled: bool = False
    scope: str = ""
    must_change_password: bool = False
    second_factor: bool = False
    permissions: frozenset[Permission] | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says: which session, and its instants."""

    session_id: UUID
    user_id: UUID
    issued_at: datetime
    expires_at: datetime


def ending(session: Session, carrier: Carrier, now: datetime) -> Ended | None:
    """Return why the session is over, or None while it lives."""
    if session.revoked_at is not None:
        return Ended.REVOKED
    if session.user_disabled:
        return Ended.USER_DISABLED
    if now >= session.expires_at:
        return Ended.EXPIRED
    if now - session.last_seen_at >= IDLE:
        return Ended.IDLE
    if session.carrier is not carrier:
        return Ended.WRONG_CARRIER
    return None


def in_time(claims: Claims, now: datetime) -> bool:
    """Return whether a token's instants hold, with a little leeway for clocks that differ."""
    return claims.issued_at - LEEWAY <= now < claims.expires_at + LEEWAY


def same_rights(one: Session, other: Session) -> bool:
    """Return whether both may do and see the same."""
    names = ("role", "scope", "permissions", "must_change_password")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def may(session: Session, permission: Permission) -> bool:
    """Return whether the session's user, by this carrier, has a permission."""
    return _may(session.role, session.permissions, permission)


def _may(role: Role, held: frozenset[Permission] | None, permission: Permission) -> bool:
    return allows(role, permission) and (
        held is None or permission in held or permission is Permission.READ_SELF
    )


def permissions_of(session: Session) -> list[Permission]:
    """Return what the session's user may, by name."""
    return _held(session.role, session.permissions)


@cache
def _held(role: Role, held: frozenset[Permission] | None) -> list[Permission]:
    return sorted(permission for permission in GRANTS[role] if _may(role, held, permission))


def is_fresh(session: Session, now: datetime) -> bool:
    """Return whether the password was given just now: at the sign-in, or again since.

    Nobody gives a password through an API token.
    """
    if session.carrier is Carrier.API:
        return False
    return now - (session.confirmed_at or session.created_at) < FRESH_FOR


def needs_touch(session: Session, now: datetime) -> bool:
    """Return whether the use of a session should be recorded: once a minute is enough."""
    return now - session.last_seen_at >= TOUCH_AFTER

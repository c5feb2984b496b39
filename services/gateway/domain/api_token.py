"""Tokens for programs: random, recognisable, never more than their user may, for a time only."""

import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.gateway.domain.client_ip import Address, is_trusted, parse_networks
from services.gateway.domain.role import OF_ONESELF, Permission, Role
from services.gateway.domain.session import TOUCH_AFTER, Carrier, Session

PREFIX: Final = "ccp_"
LONGEST_DAYS: Final = 365
_CHECKSUM: Final = 8
# A program signs nobody in or out, and hands on no rights.
NEVER: Final = (OF_ONESELF - {Permission.READ_SELF}) | {Permission.OPEN, Permission.MANAGE_USERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A row, with its user's present rights."""

    id: UUID
    user_id: UUID
    username: str
    role: Role
    scope: str
    user_disabled: bool
    must_change_password: bool
    name: str
    permissions: frozenset[Permission]
    networks: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


def new_token() -> str:
    """Return 256 random bits between a prefix and a checksum: scanners for leaks can tell one."""
    body = secrets.token_urlsafe(32)
    return PREFIX + body + _checksum(body)


def is_whole(text: str) -> bool:
    """Say whether a text is a token as we make them; a mistyped one costs the database nothing."""
    body = text.removeprefix(PREFIX)[:-_CHECKSUM]
    return text.startswith(PREFIX) and text.isascii() and text == PREFIX + body + _checksum(body)


def works(token: ApiToken, address: Address | None, now: datetime) -> bool:
    """Say whether a token is good now, from this address (None: that does not matter)."""
    if token.revoked_at is not None or token.user_disabled or now >= token.expires_at:
        return False
    if address is None or not token.networks:
        return True
    return is_trusted(address, parse_networks(",".join(token.networks)))


def needs_touch(token: ApiToken, now: datetime) -> bool:
    """Say whether the use of a token should be recorded: once a minute is enough."""
    return token.last_used_at is None or now - token.last_used_at >= TOUCH_AFTER


def as_session(token: ApiToken) -> Session:
    """Return what the rest of the gateway sees: somebody who acts through a token."""
    return Session(
        id=token.id,
        user_id=token.user_id,
        username=f"{token.username}/{token.name}",
        role=token.role,
        scope=token.scope,
        must_change_password=token.must_change_password,
        second_factor=True,
        permissions=token.permissions,
        carrier=Carrier.API,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_seen_at=token.created_at,
    )


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):0{_CHECKSUM}x}"

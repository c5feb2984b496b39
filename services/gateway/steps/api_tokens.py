"""Tokens for programs: made in a session, good for less than their user may, and found by hash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.gateway.domain import api_token, problem
from services.gateway.domain.api_token import ApiToken
from services.gateway.domain.caller import Caller
from services.gateway.domain.client_ip import Address
from services.gateway.domain.role import Permission, allows
from services.gateway.domain.session import Session, is_fresh
from services.gateway.steps import audit_people
from services.gateway.store import api_tokens, live_events
from shared.audit import Action
from shared.clock import Clock
from shared.crypto import DataKey
from shared.database import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token, which is shown this once, and its row's id and end."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokens:
    """Makes, finds and revokes tokens."""

    pool: Pool
    fingerprints: DataKey
    clock: Clock

    async def add(
        self,
        session: Session,
        *,
        name: str,
        permissions: Sequence[Permission],
        networks: Sequence[str],
        days: int,
        caller: Caller,
    ) -> NewToken:
        """Make a token. Raises `ProblemError`, also for more than the session's user may."""
        if not is_fresh(session, self.clock()):
            raise problem.confirm_first()
        for permission in permissions:
            if permission in api_token.NEVER or not allows(session.role, permission):
                raise problem.no_such_token_permission(permission)
        token, now = api_token.new_token(), self.clock()
        async with self.pool.transaction() as conn:
            token_id = await api_tokens.add_api_token(
                conn,
                user_id=session.user_id,
                name=name,
                hash_=self._hash(token),
                permissions=permissions,
                networks=networks,
                at=now,
                expires_at=now + timedelta(days=days),
            )
            if token_id is None:
                raise problem.token_name_taken(name)
            await audit_people.token_act(conn, session, Action.TOKEN_CREATED, name, caller)
        return NewToken(id=token_id, token=token, expires_at=now + timedelta(days=days))

    async def revoke(self, session: Session, token_id: UUID, caller: Caller) -> None:
        """Revoke one of one's own tokens; it stops working at once."""
        async with self.pool.transaction() as conn:
            name = await api_tokens.revoke_api_token(conn, session.user_id, token_id, self.clock())
            if name is None:
                raise problem.not_found("token")
            await audit_people.token_act(conn, session, Action.TOKEN_REVOKED, name, caller)
            await live_events.wake(conn, "session")

    async def find(self, text: str, address: Address) -> ApiToken | None:
        """Return the token that a text is, if it works from this address now; record its use."""
        if not api_token.is_whole(text):
            return None
        found = await api_tokens.find_api_token(self.pool, self._hash(text))
        now = self.clock()
        if found is None or not api_token.works(found, address, now):
            return None
        if api_token.needs_touch(found, now):
            await api_tokens.touch_api_token(self.pool, found.id, now)
        return found

    async def living(self, token_id: UUID) -> ApiToken | None:
        """Return a token that was admitted as it is now, or None when it is good no more."""
        found = await api_tokens.get_api_token(self.pool, token_id)
        return found if found and api_token.works(found, None, self.clock()) else None

    def _hash(self, text: str) -> bytes:
        return self.fingerprints.fingerprint(f"token/{text}")

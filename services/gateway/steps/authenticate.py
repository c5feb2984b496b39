"""Whose request this is, and whether it may: the token, the session's row, the limit, the role."""

from dataclasses import dataclass
from typing import Final

from services.gateway.domain import problem
from services.gateway.domain.api_token import PREFIX, as_session
from services.gateway.domain.caller import Caller
from services.gateway.domain.problem import ProblemError
from services.gateway.domain.rate import Bucket
from services.gateway.domain.role import Permission, allows
from services.gateway.domain.session import (
    Carrier,
    Claims,
    Ended,
    Session,
    ending,
    in_time,
    may,
    needs_touch,
    same_rights,
)
from services.gateway.ports import SessionTokens
from services.gateway.steps import audit_trail
from services.gateway.steps.api_tokens import ApiTokens
from services.gateway.store import api_tokens, limits, sessions
from shared.clock import Clock
from shared.database import Pool

MINUTE = 60
# Neither lets somebody hand on what they do not have yet: a token would outlast the first password
# and stand in for the second factor.
_BEFORE_A_PASSWORD: Final = frozenset({Permission.OWN_SESSION, Permission.READ_SELF})
_BEFORE_A_FACTOR: Final = _BEFORE_A_PASSWORD | {Permission.OWN_FACTOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """Finds the session of a token, and refuses what its role does not include."""

    pool: Pool
    tokens: SessionTokens
    api_tokens: ApiTokens
    clock: Clock
    requests_per_minute: int
    second_factor_required: bool = False

    async def session(self, token: str, carrier: Carrier, caller: Caller) -> Session | None:
        """Return the living session that a token points at, and record its use; or None."""
        if _is_api_token(token, carrier):
            api_token = await self.api_tokens.find(token, caller.address)
            return as_session(api_token) if api_token else None
        claims = await self._claims(token)
        found = await sessions.get_session(self.pool, claims.session_id) if claims else None
        return await self._living(found, claims, carrier)

    async def admit(
        self, token: str, carrier: Carrier, caller: Caller
    ) -> tuple[Session, Bucket] | None:
        """Return the same with its user's limit, from which one request was taken; or None."""
        if _is_api_token(token, carrier):
            return await self._admit_token(token, caller)
        claims = await self._claims(token)
        if claims is None:
            return None
        found = await sessions.use_session(
            self.pool,
            claims.session_id,
            claims.user_id,
            capacity=self.requests_per_minute,
            per_second=self.requests_per_minute / MINUTE,
            at=self.clock(),
        )
        session = await self._living(found[0] if found else None, claims, carrier)
        return (session, found[1]) if session and found else None

    async def _admit_token(self, token: str, caller: Caller) -> tuple[Session, Bucket] | None:
        found = await self.api_tokens.find(token, caller.address)
        if found is None:
            return None
        bucket = await api_tokens.spend(
            self.pool,
            found.user_id,
            capacity=self.requests_per_minute,
            per_second=self.requests_per_minute / MINUTE,
            at=self.clock(),
        )
        return as_session(found), bucket

    async def refuse_unknown(self, caller: Caller) -> ProblemError:
        """Return the refusal of a request without a living session: its network's limit counts."""
        bucket = await limits.take_token(
            self.pool,
            f"network/{caller.network}",
            capacity=self.requests_per_minute,
            per_second=self.requests_per_minute / MINUTE,
            at=self.clock(),
        )
        return problem.too_many(bucket) if bucket.refused else problem.not_signed_in()

    async def _claims(self, token: str) -> Claims | None:
        claims = await self.tokens.read(token)
        return claims if claims and in_time(claims, self.clock()) else None

    async def _living(
        self, found: Session | None, claims: Claims | None, carrier: Carrier
    ) -> Session | None:
        now = self.clock()
        if found is None or claims is None or found.user_id != claims.user_id:
            return None
        if ending(found, carrier, now):
            return None
        if needs_touch(found, now):
            await sessions.touch_session(self.pool, found.id, now)
        return found

    async def ended(self, session: Session) -> Ended | None:
        """Return why what was opened with a session ends, or None; this is no use of it."""
        if session.carrier is Carrier.API:
            token = await self.api_tokens.living(session.id)
            found, why = (as_session(token) if token else None), None
        else:
            found = await sessions.get_session(self.pool, session.id)
            why = ending(found, session.carrier, self.clock()) if found else None
        if found is None:
            return Ended.REVOKED
        return why or (None if same_rights(found, session) else Ended.RIGHTS_CHANGED)

    async def check(
        self,
        session: Session,
        permission: Permission,
        endpoint: str,
        caller: Caller,
        *,
        too_wide: bool = False,
    ) -> None:
        """Raise `ProblemError`, and record it, unless the session's user may do this.

        `too_wide`: the endpoint tells more than the session's scope holds.
        """
        refusal = self._refusal(session, permission, too_wide=too_wide)
        if refusal is None:
            return
        async with self.pool.transaction() as conn:
            why = refusal.code
            await audit_trail.access_denied(conn, session, permission, endpoint, why, caller)
        raise refusal

    def _refusal(
        self, session: Session, permission: Permission, *, too_wide: bool
    ) -> ProblemError | None:
        if session.must_change_password and permission not in _BEFORE_A_PASSWORD:
            return problem.password_must_change()
        lacks = self.second_factor_required and not session.second_factor
        if lacks and permission not in _BEFORE_A_FACTOR:
            return problem.second_factor_must_be_set()
        if not may(session, permission):
            lacking = session.permissions is not None and allows(session.role, permission)
            return (
                problem.token_lacks(permission)
                if lacking
                else problem.forbidden(session.role, permission)
            )
        return problem.outside_scope() if too_wide else None


def _is_api_token(token: str, carrier: Carrier) -> bool:
    """Say whether to look for an API token: a cookie never carries one."""
    return carrier is Carrier.BEARER and token.startswith(PREFIX)


async def spend_sign_in(pool: Pool, caller: Caller, *, per_minute: int, clock: Clock) -> Bucket:
    """Take one sign-in from a network's limit; raises `ProblemError` when it is used up."""
    bucket = await limits.take_token(
        pool,
        f"sign-in/{caller.network}",
        capacity=per_minute,
        per_second=per_minute / MINUTE,
        at=clock(),
    )
    if bucket.refused:
        raise problem.too_many(bucket)
    return bucket

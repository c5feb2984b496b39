"""Signing in and out.

Whoever fails learns nothing: an unknown name, a wrong password, a disabled and a locked account
take the same statements, one password hash each, and get the same answer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from services.gateway.domain import password as passwords
from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.lockout import (
    FAILURES_PER_ACCOUNT,
    FAILURES_PER_NETWORK,
    Standing,
    count_attempt,
    is_locked,
    take_back,
)
from services.gateway.domain.second_factor import Outcome
from services.gateway.domain.session import LIFETIME, Carrier, Claims, Session
from services.gateway.ports import GuessCounter, PasswordHasher, SessionTokens
from services.gateway.steps import audit_trail
from services.gateway.steps.second_factor import SecondFactor
from services.gateway.store import limits, live_events, sessions, users
from services.gateway.store.users import User
from shared.clock import Clock
from shared.crypto import DataKey
from shared.database import Connection, Pool

EVERYWHERE: Final = "*"
WRONG_CODE: Final = "the second factor does not fit"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session, and the token that points at it."""

    session: Session
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Opens and closes sessions."""

    pool: Pool
    hasher: PasswordHasher
    guesser: GuessCounter
    tokens: SessionTokens
    factor: SecondFactor
    names: DataKey
    clock: Clock

    async def open(
        self, username: str, password: str, code: str | None, *, carrier: Carrier, caller: Caller
    ) -> SignedIn:
        """Sign in; raises the one `ProblemError` for everything that is not right.

        Only whoever gave the right password is told that a second factor is asked for.
        """
        user = await self.prove(username, password, code, caller)
        return await self._begin(user, password, carrier=carrier, caller=caller)

    def account_of(self, username: str) -> bytes:
        """Return what failed sign-ins of this name are counted under."""
        return self.names.fingerprint(username.casefold())

    async def prove(self, username: str, password: str, code: str | None, caller: Caller) -> User:
        """Return the user whose password and second factor these are; raises like `open`.

        What fails here counts towards the lock, whoever asks and what for: a wrong code as well.
        """
        account = self.account_of(username)
        async with self.pool.transaction() as conn:
            user = await users.get_user(conn, username)
            locked = await self._count(conn, account, user, caller)
        right = await self.hasher.verify(
            user.password_hash if user else None, passwords.normalise(password)
        )
        if user is None or user.disabled or locked or not right:
            reason = _reason(user, locked=locked)
            async with self.pool.transaction() as conn:
                await audit_trail.session_refused(
                    conn, user.username if user else None, reason, caller
                )
            raise problem.sign_in_refused()
        async with self.pool.transaction() as conn:
            outcome = await self.factor.ask(conn, user.id, code)
            if outcome is Outcome.WRONG:
                await audit_trail.session_refused(conn, user.username, WRONG_CODE, caller)
            else:
                await _forgive(conn, account, caller)
        if outcome is Outcome.WRONG:
            raise problem.sign_in_refused()
        if outcome is Outcome.MISSING:
            raise problem.second_factor_needed()
        return user

    async def close(self, session: Session, caller: Caller) -> None:
        """End a session on every replica."""
        async with self.pool.transaction() as conn:
            await sessions.revoke_session(conn, session.id, self.clock())
            await audit_trail.session_closed(conn, session, caller)
            await live_events.wake(conn, "session")

    async def begin_session(
        self, conn: Connection, user: User, *, carrier: Carrier, caller: Caller
    ) -> SignedIn:
        """Add a session in the caller's transaction and return it with its token."""
        now = self.clock()
        session = _new_session(user, carrier, now)
        await sessions.add_session(
            conn, session, network=caller.network, user_agent=caller.user_agent
        )
        await audit_trail.session_opened(conn, session, caller)
        claims = Claims(
            session_id=session.id, user_id=user.id, issued_at=now, expires_at=session.expires_at
        )
        return SignedIn(session, self.tokens.sign(claims))

    async def _begin(
        self, user: User, password: str, *, carrier: Carrier, caller: Caller
    ) -> SignedIn:
        better: str | None = None
        if self.hasher.is_outdated(user.password_hash):
            better = await self.hasher.hash(passwords.normalise(password))
        async with self.pool.transaction() as conn:
            # Whoever changed the password, or disabled the user, meanwhile has ended the sessions
            # that there were: none may come after that.
            if not await users.hold_password(conn, user):
                raise problem.sign_in_refused()
            if better:
                await users.save_password_hash(conn, user.id, better)
            return await self.begin_session(conn, user, carrier=carrier, caller=caller)

    async def _count(
        self, conn: Connection, account: bytes, user: User | None, caller: Caller
    ) -> bool:
        """Count this attempt before it is looked at; return whether the account is locked."""
        now = self.clock()
        before = await limits.lock_standings(conn, account, (caller.network, EVERYWHERE))
        after = {
            network: count_attempt(standing, now, _ceiling(network))
            for network, standing in before.items()
        }
        await limits.save_standings(conn, account, after)
        for network, standing in after.items():
            newly = is_locked(standing, now) and not is_locked(before[network], now)
            if newly and user is not None:
                await audit_trail.account_locked(conn, user.username, network, caller)
        return any(is_locked(standing, now) for standing in before.values())


async def _forgive(conn: Connection, account: bytes, caller: Caller) -> None:
    """Take the attempt back: the network's failures are forgotten, elsewhere they stay."""
    standings = await limits.lock_standings(conn, account, (caller.network, EVERYWHERE))
    everywhere = take_back(standings[EVERYWHERE], FAILURES_PER_ACCOUNT)
    await limits.save_standings(conn, account, {caller.network: Standing(), EVERYWHERE: everywhere})


def _ceiling(network: str) -> int:
    return FAILURES_PER_ACCOUNT if network == EVERYWHERE else FAILURES_PER_NETWORK


def _reason(user: User | None, *, locked: bool) -> str:
    """Return why, for the audit log only."""
    if user is None:
        return "no user has this name"
    if locked:
        return "the account is locked"
    return "the user is disabled" if user.disabled else "the password does not fit"


def _new_session(user: User, carrier: Carrier, now: datetime) -> Session:
    return Session(
        id=uuid4(),
        user_id=user.id,
        username=user.username,
        role=user.role,
        scope=user.scope,
        must_change_password=user.must_change_password,
        carrier=carrier,
        created_at=now,
        expires_at=now + LIFETIME,
        last_seen_at=now,
    )

"""Users: adding, changing and removing them, and everybody's own password and sessions.

Each act is one transaction with its audit entry, and takes effect on every replica at once: a
session's row is read with its user's present rights at each request.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

from services.gateway.domain import password as passwords
from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.person import Person, difference, refusal
from services.gateway.domain.problem import ProblemError
from services.gateway.domain.role import Role
from services.gateway.domain.session import IDLE, Session, is_fresh
from services.gateway.steps import audit_people, audit_trail
from services.gateway.steps.new_password import refuse_weak, unusable
from services.gateway.steps.once import Accepted, key_of, once
from services.gateway.steps.sign_in import SignIn
from services.gateway.store import api_tokens, live_events, second_factors, sessions, users
from shared.audit import Action
from shared.clock import Clock
from shared.database import Connection, Pool

WOKEN: Final = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an administrator wants somebody's rights to be; None leaves it as it is."""

    role: Role | None = None
    scope: str | None = None
    disabled: bool | None = None

    def of(self, person: Person) -> Person:
        """Return the person with these rights."""
        return replace(
            person,
            role=person.role if self.role is None else self.role,
            scope=person.scope if self.scope is None else self.scope,
            disabled=person.disabled if self.disabled is None else self.disabled,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What administrators do with users. Each act asks for a password given just now."""

    pool: Pool
    sign_in: SignIn
    clock: Clock

    async def add(
        self,
        session: Session,
        *,
        username: str,
        password: str,
        role: Role,
        scope: str,
        caller: Caller,
        key: str | None,
    ) -> Accepted:
        """Add somebody with a first password, which opens nothing but its own change."""
        self._ask_for_freshness(session)
        await refuse_weak(self.sign_in.guesser, password, username)
        hashed = await self.sign_in.hasher.hash(passwords.normalise(password))
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /users", username, role, scope),
                user_id=session.user_id,
                at=self.clock(),
                act=partial(self._add, conn, session, username, hashed, role, scope, caller),
            )

    async def change(
        self,
        session: Session,
        user_id: UUID,
        wanted: Wanted,
        *,
        revision: int | None,
        caller: Caller,
    ) -> Person:
        """Give somebody other rights, effective at once; who is disabled is signed out."""
        self._ask_for_freshness(session)
        async with self.pool.transaction() as conn:
            before = await self._locked(conn, session, user_id, revision)
            after = wanted.of(before)
            if after == before:
                return before
            await users.save_person(conn, after, self.clock())
            if after.disabled:
                await sessions.revoke_sessions(conn, user_id, self.clock())
            was, now = difference(before, after)
            await audit_people.user_changed(conn, session, before.username, was, now, caller)
            await live_events.wake(conn, WOKEN)
        return replace(after, revision=before.revision + 1)

    async def reset_password(
        self, session: Session, user_id: UUID, password: str, *, caller: Caller
    ) -> None:
        """Give somebody another first password and sign them out."""
        self._ask_for_freshness(session)
        known = await users.get_person(self.pool, user_id)
        name = known.username if known else ""
        await refuse_weak(self.sign_in.guesser, password, name)
        hashed = await self.sign_in.hasher.hash(passwords.normalise(password))
        async with self.pool.transaction() as conn:
            person = await self._locked(conn, session, user_id, None)
            await users.set_password(conn, user_id, hashed, must_change=True)
            await self._sign_out(conn, session, person, caller)
            await audit_trail.act(conn, session, Action.PASSWORD_RESET, person.username, caller)

    async def remove(
        self, session: Session, user_id: UUID, *, revision: int | None, caller: Caller
    ) -> None:
        """Remove somebody for good and sign them out; the name stays in the audit log."""
        self._ask_for_freshness(session)
        async with self.pool.transaction() as conn:
            person = await self._locked(conn, session, user_id, revision)
            await users.remove_user(conn, user_id, self.clock())
            await self._sign_out(conn, session, person, caller)
            await audit_trail.act(conn, session, Action.USER_REMOVED, person.username, caller)

    async def remove_second_factor(
        self, session: Session, user_id: UUID, *, caller: Caller
    ) -> None:
        """Let somebody whose device and codes are lost sign in with the password alone."""
        self._ask_for_freshness(session)
        async with self.pool.transaction() as conn:
            person = await self._locked(conn, session, user_id, None)
            if not await second_factors.remove_factor(conn, user_id):
                raise problem.not_found("second factor")
            await self._sign_out(conn, session, person, caller)
            await audit_trail.act(
                conn, session, Action.SECOND_FACTOR_REMOVED, person.username, caller
            )

    async def sign_out(self, session: Session, user_id: UUID, *, caller: Caller) -> int:
        """End all sessions and revoke all tokens of somebody; return how many there were."""
        async with self.pool.transaction() as conn:
            person = await users.get_person(conn, user_id)
            if person is None:
                raise problem.not_found("user")
            return await self._sign_out(conn, session, person, caller)

    async def _add(
        self,
        conn: Connection,
        session: Session,
        username: str,
        hashed: str,
        role: Role,
        scope: str,
        caller: Caller,
    ) -> Accepted:
        user_id = await users.add_user(
            conn,
            username=username,
            role=role,
            scope=scope,
            password_hash=hashed,
            at=self.clock(),
            must_change_password=True,
        )
        if user_id is None:
            raise problem.name_taken(username)
        await audit_people.user_created(conn, session, username, role, scope, caller)
        answer = {"id": str(user_id), "username": username, "role": role.value, "scope": scope}
        return Accepted(location=f"/api/v1/users/{user_id}", answer=answer)

    async def _locked(
        self, conn: Connection, session: Session, user_id: UUID, revision: int | None
    ) -> Person:
        """Return whom the session's user may change now, locked. Raises `ProblemError`."""
        people = await users.lock_people(conn, {session.user_id, user_id})
        target = people.get(user_id)
        if target is None:
            raise problem.not_found("user")
        why = refusal(people.get(session.user_id), target)
        if why:
            raise problem.not_yours(why)
        if revision is not None and revision != target.revision:
            raise problem.changed_meanwhile()
        return target

    async def _sign_out(
        self, conn: Connection, session: Session, person: Person, caller: Caller
    ) -> int:
        ended = await sessions.revoke_sessions(conn, person.id, self.clock())
        ended += await api_tokens.revoke_api_tokens(conn, person.id, self.clock())
        await audit_people.sessions_revoked(conn, session, person.username, ended, caller)
        await live_events.wake(conn, WOKEN)
        return ended

    def _ask_for_freshness(self, session: Session) -> None:
        if not is_fresh(session, self.clock()):
            raise problem.confirm_first()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccount:
    """What everybody does with their own password and sessions."""

    pool: Pool
    sign_in: SignIn
    clock: Clock

    async def confirm(
        self, session: Session, password: str, code: str | None, caller: Caller
    ) -> None:
        """Note that whoever sits there can sign in now."""
        await self._prove(session, password, code, caller)
        async with self.pool.transaction() as conn:
            await sessions.confirm_session(conn, session.id, self.clock())
            await audit_people.session_confirmed(conn, session, caller)

    async def change_password(
        self, session: Session, present: str, wanted: str, code: str | None, caller: Caller
    ) -> int:
        """Choose another password; every other session ends. Return how many did."""
        await self._prove(session, present, code, caller)
        await refuse_weak(self.sign_in.guesser, wanted, session.username)
        if passwords.normalise(wanted) == passwords.normalise(present):
            raise unusable("It is the password that you have; choose another.")
        hashed = await self.sign_in.hasher.hash(passwords.normalise(wanted))
        async with self.pool.transaction() as conn:
            await users.set_password(conn, session.user_id, hashed, must_change=False)
            ended = await sessions.revoke_sessions(
                conn, session.user_id, self.clock(), but=session.id
            )
            await sessions.confirm_session(conn, session.id, self.clock())
            await audit_people.password_changed(conn, session, ended, caller)
            await live_events.wake(conn, WOKEN)
        return ended

    async def end_one(self, session: Session, session_id: UUID, caller: Caller) -> None:
        """End one of one's own sessions."""
        async with self.pool.transaction() as conn:
            if not await sessions.revoke_own(conn, session.user_id, session_id, self.clock()):
                raise problem.not_found("session")
            await audit_trail.session_closed(conn, replace(session, id=session_id), caller)
            await live_events.wake(conn, WOKEN)

    async def end_others(self, session: Session, caller: Caller) -> int:
        """End one's other sessions; return how many there were."""
        async with self.pool.transaction() as conn:
            ended = await sessions.revoke_sessions(
                conn, session.user_id, self.clock(), but=session.id
            )
            await audit_people.sessions_revoked(conn, session, session.username, ended, caller)
            await live_events.wake(conn, WOKEN)
        return ended

    async def list_sessions(self, session: Session) -> list[dict[str, object]]:
        """Return one's living sessions; `current` marks the one that asks."""
        rows = await sessions.list_sessions(
            self.pool, session.user_id, now=self.clock(), idle_since=self.clock() - IDLE
        )
        return [{**row, "current": row["id"] == session.id} for row in rows]

    async def _prove(
        self, session: Session, password: str, code: str | None, caller: Caller
    ) -> None:
        try:
            await self.sign_in.prove(session.username, password, code, caller)
        except ProblemError as error:
            # 401 would say that the session has ended.
            missing = error.code == problem.second_factor_needed().code
            raise (problem.code_missing() if missing else problem.confirmation_refused()) from error

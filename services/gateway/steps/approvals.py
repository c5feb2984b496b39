"""Asking for a second person's consent, giving it, and spending it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.domain.approval import (
    LIFETIME,
    Act,
    Approval,
    Decision,
    hash_of,
    refusal_to_decide,
    refusal_to_use,
)
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session, is_fresh
from services.gateway.steps.audit_trail import act as record_act
from services.gateway.steps.once import Accepted, key_of, once
from services.gateway.store import approvals
from shared.audit import Action
from shared.clock import Clock
from shared.database import Connection, Pool

_RECORDED = {
    Decision.APPROVED: Action.APPROVAL_GIVEN,
    Decision.REJECTED: Action.APPROVAL_REJECTED,
    Decision.WITHDRAWN: Action.APPROVAL_WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Requests that need a second person; raises `ProblemError` for what is refused."""

    pool: Pool
    clock: Clock

    async def ask(
        self,
        session: Session,
        act: Act,
        plan: Mapping[str, Any],
        *,
        reason: str,
        caller: Caller,
        key: str | None,
    ) -> Accepted:
        """Ask for consent to exactly this plan, for a day."""
        digest = hash_of(act, plan)
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST approval", digest.hex(), reason),
                user_id=session.user_id,
                at=self.clock(),
                act=partial(self._ask, conn, session, act, plan, reason, caller),
            )

    async def _ask(
        self,
        conn: Connection,
        session: Session,
        act: Act,
        plan: Mapping[str, Any],
        reason: str,
        caller: Caller,
    ) -> Accepted:
        now, digest = self.clock(), hash_of(act, plan)
        approval_id = await approvals.add_approval(
            conn,
            act=act,
            plan=plan,
            plan_hash=digest,
            reason=reason,
            user_id=session.user_id,
            at=now,
            expires_at=now + LIFETIME,
        )
        await record_act(
            conn,
            session,
            Action.APPROVAL_REQUESTED,
            str(approval_id),
            caller,
            scope=act,
            after=digest.hex(),
            reason=reason,
        )
        answer = {
            "id": str(approval_id),
            "plan_hash": digest.hex(),
            "expires_at": (now + LIFETIME).isoformat(),
        }
        return Accepted(location=f"/api/v1/approvals/{approval_id}", answer=answer)

    async def decide(
        self,
        session: Session,
        approval_id: UUID,
        decision: Decision,
        *,
        plan_hash: bytes,
        reason: str,
        caller: Caller,
    ) -> None:
        """Approve, reject or withdraw; approving asks for a password given just now."""
        if decision is Decision.APPROVED and not is_fresh(session, self.clock()):
            raise problem.confirm_first()
        async with self.pool.transaction() as conn:
            found = await self._locked(conn, approval_id)
            why = refusal_to_decide(
                found,
                decision,
                user_id=session.user_id,
                plan_hash=plan_hash,
                now=self.clock(),
            )
            if why is not None:
                raise problem.approval_refused(why)
            await approvals.decide(
                conn,
                approval_id,
                decision,
                user_id=session.user_id,
                reason=reason,
                at=self.clock(),
            )
            await self._record(conn, session, _RECORDED[decision], found, caller, reason)

    async def use(
        self,
        conn: Connection,
        session: Session,
        approval_id: UUID,
        act: Act,
        plan: Mapping[str, Any],
        caller: Caller,
    ) -> None:
        """Spend an approval in the caller's transaction; the plan must be the approved one."""
        found = await self._locked(conn, approval_id)
        why = refusal_to_use(
            found,
            act,
            user_id=session.user_id,
            plan_hash=hash_of(act, plan),
            now=self.clock(),
        )
        if why is not None:
            raise problem.approval_refused(why)
        await approvals.mark_used(conn, approval_id, self.clock())
        await self._record(conn, session, Action.APPROVAL_USED, found, caller, found.reason)

    async def _locked(self, conn: Connection, approval_id: UUID) -> Approval:
        found = await approvals.lock_approval(conn, approval_id)
        if found is None:
            raise problem.not_found("approval")
        return found

    async def _record(
        self,
        conn: Connection,
        session: Session,
        action: Action,
        approval: Approval,
        caller: Caller,
        reason: str,
    ) -> None:
        await record_act(
            conn,
            session,
            action,
            str(approval.id),
            caller,
            scope=approval.act,
            after=approval.plan_hash.hex(),
            reason=reason or None,
        )

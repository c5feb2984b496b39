"""Asking for a rotation, or for its plan: the audit entry and the event stand or fall together."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

from asyncpg import Record

from services.gateway.domain import problem
from services.gateway.domain.problem import FieldError
from services.gateway.domain.rotation import refusal_to_begin
from services.gateway.domain.session import is_fresh
from services.gateway.queries import rotation_credentials
from services.gateway.steps import audit_trail
from services.gateway.steps.asker import Asker
from services.gateway.steps.once import Accepted, key_of, once
from shared.audit import Action
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import CredentialRef, RotationPlanRequested, RotationRequested

_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A rotation as it is asked for; `confirm` is the credential's name, typed."""

    credential_id: UUID
    emergency: bool
    confirm: str
    reason: str
    approval_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRotation:
    """Asks the rotator. `approval_required`: every rotation waits for somebody else's approval.

    Raises `ProblemError` for a credential that is not there for whoever asks, or cannot be rotated
    now, and for an Idempotency-Key that was used for another request.
    """

    pool: Pool
    bus: Bus
    clock: Clock
    approval_required: bool

    async def __call__(self, asker: Asker, wanted: Wanted, key: str | None) -> Accepted:
        """Ask for a rotation; an emergency asks for the name and a password given just now."""
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /rotations", str(wanted)),
                user_id=asker.session.user_id,
                at=self.clock(),
                act=partial(self._ask, conn, asker, wanted),
            )

    async def plan(
        self, asker: Asker, credential_id: UUID, key: str | None, *, emergency: bool
    ) -> Accepted:
        """Ask what a rotation would do; nothing is changed."""
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /rotations/plans", str(credential_id), str(emergency)),
                user_id=asker.session.user_id,
                at=self.clock(),
                act=partial(self._plan, conn, asker, credential_id, emergency=emergency),
            )

    async def _ask(self, conn: Connection, asker: Asker, wanted: Wanted) -> Accepted:
        credential = await _known(conn, asker, wanted.credential_id)
        if wanted.emergency:
            self._confirm(asker, wanted, credential)
        rotating = credential["rotation_id"] is not None
        if why := refusal_to_begin(credential["state"], rotating=rotating):
            raise problem.rotation_refused(why)
        event = RotationRequested(
            rotation_id=uuid4(),
            credential_id=wanted.credential_id,
            credential=CredentialRef.model_validate(credential["subject"]),
            requested_by=asker.name,
            emergency=wanted.emergency,
            approval_required=wanted.approval_required or self.approval_required,
        )
        await self.bus.emit(event, connection=conn, correlation_id=asker.course)
        await audit_trail.act(
            conn,
            asker.session,
            Action.ROTATION_REQUESTED,
            str(event.rotation_id),
            asker.caller,
            scope="emergency" if wanted.emergency else "ordinary",
            after=_named(credential),
            reason=wanted.reason or None,
            correlation_id=asker.course,
        )
        answer = {"id": str(event.rotation_id), "approval_required": event.approval_required}
        return Accepted(location=f"/api/v1/rotations/{event.rotation_id}", answer=answer)

    def _confirm(self, asker: Asker, wanted: Wanted, credential: Record) -> None:
        """Raise `ProblemError` unless it is certain that this credential is meant, by its user."""
        if wanted.confirm != credential["name"]:
            why = "This is not the credential's name; read again which one you mean."
            raise problem.invalid(why, (FieldError(pointer="/body/confirm", detail=why),))
        if not is_fresh(asker.session, self.clock()):
            raise problem.confirm_first()

    async def _plan(
        self, conn: Connection, asker: Asker, credential_id: UUID, *, emergency: bool
    ) -> Accepted:
        credential = await _known(conn, asker, credential_id)
        event = RotationPlanRequested(
            plan_id=uuid4(),
            credential_id=credential_id,
            emergency=emergency,
            requested_by=asker.name,
        )
        await self.bus.emit(event, connection=conn, correlation_id=asker.course)
        await audit_trail.act(
            conn,
            asker.session,
            Action.ROTATION_PLAN_REQUESTED,
            str(event.plan_id),
            asker.caller,
            scope="emergency" if emergency else "ordinary",
            after=_named(credential),
            correlation_id=asker.course,
        )
        return Accepted(
            location=f"/api/v1/rotations/plans/{event.plan_id}", answer={"id": str(event.plan_id)}
        )


async def _known(conn: Connection, asker: Asker, credential_id: UUID) -> Record:
    found = await rotation_credentials.get_credential(conn, credential_id, asker.scope)
    if found is None:
        raise problem.not_found("credential")
    return found


def _named(credential: Record) -> str:
    return f"{credential['container']}/{credential['name']}"[:_LONGEST_NAME]

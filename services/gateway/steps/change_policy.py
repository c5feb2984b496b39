"""Asking for policies, freezes and suggestions: the audit entry and the event stand together.

Asking again for what is so already changes nothing, so a request may be repeated freely.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

from services.gateway.domain import problem
from services.gateway.domain.policy import Refusal, Terms, refusal_of_freeze, refusal_of_terms
from services.gateway.domain.problem import FieldError, ProblemError
from services.gateway.queries import rotation_policies
from services.gateway.steps import audit_trail
from services.gateway.steps.asker import Asker
from services.gateway.steps.once import Accepted, key_of, once
from shared.audit import Action
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import (
    Event,
    RotationFreezeChangeRequested,
    RotationPolicyChangeRequested,
    RotationSuggestionsRequested,
    RotationWindow,
)

MOST_POLICIES: Final = 200
MOST_FREEZES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """What somebody wants of a freeze."""

    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePolicy:
    """Asks the rotator; `overlap_floor` in seconds. Raises `ProblemError` for what is refused."""

    pool: Pool
    bus: Bus
    clock: Clock
    overlap_floor: int

    async def set(self, asker: Asker, policy_id: UUID, terms: Terms) -> None:
        """Ask for a policy as it is wanted, a new one or one that is known."""
        _refuse(refusal_of_terms(terms, floor=self.overlap_floor))
        async with self.pool.transaction() as conn:
            if await rotation_policies.is_name_taken(conn, policy_id, terms.name):
                _refuse(Refusal("name", "Another policy has this name; choose another."))
            known = await rotation_policies.get_policy(conn, policy_id)
            if known is None and await rotation_policies.count_policies(conn) >= MOST_POLICIES:
                raise problem.invalid(f"There are {MOST_POLICIES} policies; remove one first.")
            given: dict[str, Any] = asdict(terms)
            given["windows"] = tuple(map(_window, terms.windows))
            event = RotationPolicyChangeRequested(
                policy_id=policy_id, requested_by=asker.name, **given
            )
            await self._policy(conn, asker, event, terms.name)

    async def remove(self, asker: Asker, policy_id: UUID) -> None:
        """Ask for a policy's removal; rotations that it began go on."""
        async with self.pool.transaction() as conn:
            known = await rotation_policies.get_policy(conn, policy_id)
            if known is None:
                raise problem.not_found("policy")
            event = RotationPolicyChangeRequested(
                policy_id=policy_id, removed=True, requested_by=asker.name
            )
            await self._policy(conn, asker, event, known["name"])

    async def freeze(self, asker: Asker, wanted: Freezing, key: str | None) -> Accepted:
        """Ask for a freeze."""
        _refuse(refusal_of_freeze(wanted.starts_at, wanted.ends_at, wanted.reason, self.clock()))
        async with self.pool.transaction() as conn:
            return await once(
                conn,
                key_of(key, "POST /rotation-freezes", str(wanted)),
                user_id=asker.session.user_id,
                at=self.clock(),
                act=partial(self._add_freeze, conn, asker, wanted),
            )

    async def unfreeze(self, asker: Asker, freeze_id: UUID) -> None:
        """Ask that a freeze be taken back: what waited for its end begins."""
        async with self.pool.transaction() as conn:
            if not await rotation_policies.is_freeze_known(conn, freeze_id):
                raise problem.not_found("freeze")
            event = RotationFreezeChangeRequested(
                freeze_id=freeze_id, removed=True, requested_by=asker.name
            )
            await self._freeze(conn, asker, event)

    async def suggest(self, asker: Asker) -> None:
        """Ask for a new look at what could hold what."""
        event = RotationSuggestionsRequested(requested_by=asker.name)
        async with self.pool.transaction() as conn:
            action = Action.ROTATION_SUGGESTIONS_REQUESTED
            await self._ask(conn, asker, event, action, "the inventory")

    async def _add_freeze(self, conn: Connection, asker: Asker, wanted: Freezing) -> Accepted:
        if len(await rotation_policies.list_freezes(conn)) >= MOST_FREEZES:
            raise problem.invalid(f"There are {MOST_FREEZES} freezes; remove one first.")
        event = RotationFreezeChangeRequested(
            freeze_id=uuid4(),
            starts_at=wanted.starts_at,
            ends_at=wanted.ends_at,
            reason=wanted.reason,
            requested_by=asker.name,
        )
        await self._freeze(conn, asker, event)
        return Accepted(location="/api/v1/rotation-freezes", answer={"id": str(event.freeze_id)})

    async def _policy(
        self, conn: Connection, asker: Asker, event: RotationPolicyChangeRequested, name: str
    ) -> None:
        action = Action.ROTATION_POLICY_CHANGE_REQUESTED
        after = "removed" if event.removed else name
        await self._ask(conn, asker, event, action, str(event.policy_id), after=after)

    async def _freeze(
        self, conn: Connection, asker: Asker, event: RotationFreezeChangeRequested
    ) -> None:
        action = Action.ROTATION_FREEZE_CHANGE_REQUESTED
        after, reason = "removed" if event.removed else "frozen", event.reason or None
        subject = str(event.freeze_id)
        await self._ask(conn, asker, event, action, subject, after=after, reason=reason)

    async def _ask(
        self,
        conn: Connection,
        asker: Asker,
        event: Event,
        action: Action,
        subject: str,
        **details: str | None,
    ) -> None:
        await self.bus.emit(event, connection=conn, correlation_id=asker.course)
        await audit_trail.act(
            conn,
            asker.session,
            action,
            subject,
            asker.caller,
            correlation_id=asker.course,
            **details,
        )


def _window(opening: object) -> RotationWindow:
    return RotationWindow.model_validate(opening, from_attributes=True)


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise _wrong(refusal)


def _wrong(refusal: Refusal) -> ProblemError:
    error = FieldError(pointer=f"/body/{refusal.field}", detail=refusal.sentence)
    return problem.invalid(refusal.sentence, (error,))

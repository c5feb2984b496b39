"""Stopping rotations from changing anything, and letting them go on.

Asking again for what is so already changes nothing, so a request may be repeated freely.
"""

from dataclasses import dataclass
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.domain.session import is_fresh
from services.gateway.queries import pauses, rotation_credentials
from services.gateway.steps import audit_trail
from services.gateway.steps.asker import Asker
from shared.audit import Action
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import RotationPauseRequested
from shared.events.rotation import PauseScope


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRotations:
    """Asks the rotator, which owns the pauses."""

    pool: Pool
    bus: Bus
    clock: Clock

    async def __call__(
        self, asker: Asker, scope: PauseScope, target: str, *, paused: bool, reason: str
    ) -> None:
        """Ask for a pause, or for its end. Raises `ProblemError` for what is not there to pause.

        Everything is resumed by somebody who gave their password just now: it sets in motion what
        others stopped.
        """
        event = RotationPauseRequested(
            scope=scope, target=target, paused=paused, requested_by=asker.name, reason=reason
        )
        async with self.pool.transaction() as conn:
            await self._refuse_unseen(conn, asker, event)
            if self._sets_all_in_motion(event) and not is_fresh(asker.session, self.clock()):
                raise problem.confirm_first()
            await self.bus.emit(event, connection=conn, correlation_id=asker.course)
            await audit_trail.act(
                conn,
                asker.session,
                Action.ROTATION_PAUSE_REQUESTED,
                target or scope.value,
                asker.caller,
                scope=scope,
                after="paused" if paused else "resumed",
                reason=reason or None,
                correlation_id=asker.course,
            )

    @staticmethod
    def _sets_all_in_motion(event: RotationPauseRequested) -> bool:
        return event.scope is PauseScope.EVERYTHING and not event.paused

    async def _refuse_unseen(
        self, conn: Connection, asker: Asker, event: RotationPauseRequested
    ) -> None:
        match event.scope:
            case PauseScope.EVERYTHING:
                if asker.scope is not None:
                    raise problem.outside_scope()
            case PauseScope.SUBSCRIPTION:
                some, every = await pauses.subscription_in(conn, event.target, asker.scope)
                if not some:
                    raise problem.not_found("subscription")
                if not every:
                    raise problem.outside_scope()
            case PauseScope.CREDENTIAL:
                found = await rotation_credentials.get_credential(
                    conn, UUID(event.target), asker.scope
                )
                if found is None:
                    raise problem.not_found("credential")

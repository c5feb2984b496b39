"""Asking for other thresholds: the audit entry and the event stand or fall together.

Asking again for what is so already changes nothing, so a request may be repeated freely.
"""

from dataclasses import dataclass
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.domain.threshold import Numbers, refuse_name, refuse_numbers
from services.gateway.queries import thresholds
from services.gateway.steps import audit_trail
from shared.bus import Bus
from shared.database import Pool
from shared.events import ThresholdChangeRequested
from shared.events.scanning import ThresholdScope


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestThreshold:
    """Asks the scanner, which owns the rules, to set one or to take it back."""

    pool: Pool
    bus: Bus

    async def set(
        self,
        session: Session,
        scope: ThresholdScope,
        name: str,
        numbers: Numbers,
        *,
        course: UUID,
        caller: Caller,
    ) -> None:
        """Ask for a rule. Raises `ProblemError` for one that cannot be meant."""
        why = refuse_name(scope, name) or refuse_numbers(numbers)
        if why:
            raise problem.invalid(why)
        if not await thresholds.is_known(self.pool, scope, name):
            raise problem.not_found(scope.value)
        await self._ask(session, scope, name, numbers, course=course, caller=caller)

    async def take_back(
        self, session: Session, scope: ThresholdScope, name: str, *, course: UUID, caller: Caller
    ) -> None:
        """Ask that the wider scopes' thresholds apply again, also where they do already.

        Raises `ProblemError` for a name that nothing in this scope can have.
        """
        why = refuse_name(scope, name)
        if why:
            raise problem.invalid(why)
        await self._ask(session, scope, name, Numbers(), course=course, caller=caller)

    async def _ask(
        self,
        session: Session,
        scope: ThresholdScope,
        name: str,
        numbers: Numbers,
        *,
        course: UUID,
        caller: Caller,
    ) -> None:
        event = ThresholdChangeRequested(
            scope=scope,
            name=name,
            warning_days=numbers.warning_days,
            critical_days=numbers.critical_days,
            warning_percent=numbers.warning_percent,
            critical_percent=numbers.critical_percent,
            requested_by=session.username,
        )
        async with self.pool.transaction() as conn:
            await self.bus.emit(event, connection=conn, correlation_id=course)
            await audit_trail.threshold_requested(conn, session, event, course, caller)

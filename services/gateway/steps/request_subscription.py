"""Asking that scans leave a subscription out, or look at it again.

Asking again for what is so already changes nothing, so a request may be repeated freely.
"""

from dataclasses import dataclass
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.session import Session
from services.gateway.queries import subscriptions
from services.gateway.steps import audit_trail
from shared.audit import Action
from shared.bus import Bus
from shared.database import Pool
from shared.events import SubscriptionChangeRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSubscription:
    """Asks the scanner, which owns the subscriptions."""

    pool: Pool
    bus: Bus

    async def watch(
        self,
        session: Session,
        subscription_id: str,
        *,
        watched: bool,
        course: UUID,
        caller: Caller,
    ) -> None:
        """Ask for it; the record and the event stand or fall together. Unknown ones are refused."""
        if not await subscriptions.is_known(self.pool, subscription_id):
            raise problem.not_found("subscription")
        event = SubscriptionChangeRequested(
            subscription_id=subscription_id, watched=watched, requested_by=session.username
        )
        async with self.pool.transaction() as conn:
            await self.bus.emit(event, connection=conn, correlation_id=course)
            await audit_trail.act(
                conn,
                session,
                Action.SUBSCRIPTION_CHANGE_REQUESTED,
                subscription_id,
                caller,
                after="watched" if watched else "left out",
                correlation_id=course,
            )

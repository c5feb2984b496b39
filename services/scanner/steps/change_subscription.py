"""A subscription is left out of scans from now on, or looked at again: the note and its record."""

from services.scanner.store.subscriptions import watch_subscription
from shared.audit import Action, AuditEntry, record
from shared.bus import Message
from shared.database import Connection
from shared.events import SubscriptionChangeRequested

_WORDS = {True: "watched", False: "left out"}


async def change_subscription(
    conn: Connection, event: SubscriptionChangeRequested, message: Message
) -> None:
    """Note what somebody asked for; the next scan goes by it. A later request counts."""
    before = await watch_subscription(
        conn,
        event.subscription_id,
        watched=event.watched,
        requested_by=event.requested_by,
        asked_at=message.time,
        message_id=message.id,
    )
    if before is None or before == event.watched:
        return
    await record(
        conn,
        AuditEntry(
            action=Action.SUBSCRIPTION_CHANGED,
            actor=event.requested_by,
            subject=event.subscription_id,
            correlation_id=message.correlation_id,
            before=_WORDS[before],
            after=_WORDS[event.watched],
        ),
    )

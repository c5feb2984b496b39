"""Everything that happens becomes a live event, once."""

from functools import partial

from services.gateway.domain.summary import summarise
from services.gateway.store import live_events
from shared.bus import Bus, Message, inbox
from shared.bus.topology import SUBSCRIPTIONS
from shared.clock import Clock
from shared.database import Pool
from shared.events import Event

HANDLER = "live"


def add_handlers(bus: Bus, *, pool: Pool, clock: Clock) -> None:
    """Hear every event that the topology sends here."""
    for event in SUBSCRIPTIONS["gateway"]:
        bus.on(event)(partial(on_event, pool=pool, clock=clock))


async def on_event(event: Event, message: Message, *, pool: Pool, clock: Clock) -> None:
    """Write the event's row and wake every replica; a second delivery does nothing."""
    async with pool.transaction() as conn:
        if not await inbox.claim(conn, message, HANDLER):
            return
        await live_events.add_event(
            conn,
            at=clock(),
            type_=event.type,
            message_id=message.id,
            correlation_id=message.correlation_id,
            summary=summarise(event),
            data=event.model_dump(mode="json"),
        )

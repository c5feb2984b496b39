"""Messages in. This release has no mapping, so there is nothing to copy and nothing to remember."""

from shared.bus import Message, inbox
from shared.database import Pool
from shared.errors import PermanentError
from shared.events import Event, SyncRequested


async def on_sync_requested(event: SyncRequested, _: Message) -> None:
    """Refuse, so that the request is kept as a dead letter instead of being lost.

    Raises `PermanentError`, always: this release does not copy.
    """
    raise PermanentError(
        f"This release does not copy secrets to other clouds: there is no mapping"
        f" {event.mapping_id}. Nothing was read or written."
    )


async def on_seen(_: Event, message: Message, *, pool: Pool) -> None:
    """Record a message from which nothing follows in this release."""
    async with pool.transaction() as conn:
        await inbox.claim(conn, message, "on_seen")

"""Messages in. This release remembers and refuses; it replaces nothing."""

from services.rotator.store import noticed
from shared.bus import Message, inbox
from shared.database import Pool
from shared.errors import PermanentError
from shared.events import Event, RotationRequested, SecretExpiring


async def on_secret_expiring(event: SecretExpiring, message: Message, *, pool: Pool) -> None:
    """Remember that this credential ends soon."""
    async with pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_secret_expiring"):
            await noticed.save(conn, event, told_at=message.time)


async def on_rotation_requested(event: RotationRequested, _: Message) -> None:
    """Refuse, so that the request is kept as a dead letter instead of being lost.

    Raises `PermanentError`, always: this release does not rotate.
    """
    raise PermanentError(
        f"This release does not rotate credentials, so “{event.credential.name}” in"
        f" {event.credential.container} stays as it is. Renew it in Azure; the next scan sees it."
    )


async def on_seen(_: Event, message: Message, *, pool: Pool) -> None:
    """Record a message from which nothing follows in this release."""
    async with pool.transaction() as conn:
        await inbox.claim(conn, message, "on_seen")

"""Messages in, the licence's state out."""

from services.licensing.steps import Desk, announce
from shared.bus import Message, inbox
from shared.events import LicenseRefreshRequested


async def on_license_refresh_requested(
    _: LicenseRefreshRequested, message: Message, *, desk: Desk
) -> None:
    """Publish the current state. This release asks no licence authority."""
    async with desk.pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_license_refresh_requested"):
            await announce(desk, conn, asked=True)

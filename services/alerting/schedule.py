"""What alerting does by itself: it looks at the estate at its start and every few minutes."""

import asyncio

from services.alerting.steps import Desk, look_at_estate


async def look_again_and_again(desk: Desk, seconds: float) -> None:
    """Look now, then every `seconds`: time alone brings a credential to its next step."""
    while True:
        await look_at_estate(desk)
        await asyncio.sleep(seconds)

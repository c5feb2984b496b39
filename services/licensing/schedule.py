"""What licensing does by itself: it begins the evaluation and notices its end."""

import asyncio
from typing import Final

from services.licensing.steps import Desk, announce

LOOK_SECONDS: Final = 3600


async def look_again_and_again(desk: Desk) -> None:
    """Publish the state at the first start and whenever it has changed."""
    while True:
        async with desk.pool.transaction() as conn:
            await announce(desk, conn, asked=False)
        await asyncio.sleep(LOOK_SECONDS)

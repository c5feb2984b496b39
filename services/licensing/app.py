"""The composition root of licensing."""

from functools import partial

from services.licensing import handlers
from services.licensing.schedule import look_again_and_again
from services.licensing.steps import Desk
from shared.events import LicenseRefreshRequested
from shared.service import Service


async def build(service: Service) -> None:
    """Join messages to handlers, and start looking."""
    desk = Desk(pool=service.pool, bus=service.bus, clock=service.clock)
    service.bus.on(LicenseRefreshRequested)(
        partial(handlers.on_license_refresh_requested, desk=desk)
    )
    service.add_task("look again", partial(look_again_and_again, desk))

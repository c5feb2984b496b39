"""The composition root of the rotator."""

from functools import partial

from services.rotator import handlers
from shared.events import LicenseChanged, RotationRequested, SecretExpiring, SyncCompleted
from shared.service import Service


async def build(service: Service) -> None:
    """Join messages to handlers."""
    pool = service.pool
    service.bus.on(SecretExpiring)(partial(handlers.on_secret_expiring, pool=pool))
    service.bus.on(RotationRequested)(handlers.on_rotation_requested)
    for event in (SyncCompleted, LicenseChanged):
        service.bus.on(event)(partial(handlers.on_seen, pool=pool))

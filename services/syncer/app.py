"""The composition root of the syncer."""

from functools import partial

from services.syncer import handlers
from shared.events import LicenseChanged, RotationPublished, SyncRequested, VaultScanned
from shared.service import Service


async def build(service: Service) -> None:
    """Join messages to handlers."""
    service.bus.on(SyncRequested)(handlers.on_sync_requested)
    for event in (VaultScanned, RotationPublished, LicenseChanged):
        service.bus.on(event)(partial(handlers.on_seen, pool=service.pool))

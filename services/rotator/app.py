"""The composition root of the rotator."""

from functools import partial

from services.rotator import handlers
from shared.events import (
    CredentialChangeRequested,
    LicenseChanged,
    RotationChangeRequested,
    RotationPauseRequested,
    RotationRequested,
    ScanCompleted,
    SecretExpiring,
    SyncCompleted,
)
from shared.service import Service


async def build(service: Service) -> None:
    """Join messages to handlers."""
    bus, pool = service.bus, service.pool

    def wake() -> None:
        return

    bus.on(SecretExpiring)(partial(handlers.on_secret_expiring, pool=pool))
    bus.on(RotationRequested)(partial(handlers.on_rotation_requested, pool=pool, wake=wake))
    bus.on(RotationChangeRequested)(
        partial(handlers.on_rotation_change_requested, pool=pool, wake=wake)
    )
    bus.on(RotationPauseRequested)(
        partial(handlers.on_rotation_pause_requested, pool=pool, wake=wake)
    )
    bus.on(CredentialChangeRequested)(partial(handlers.on_credential_change_requested, pool=pool))
    bus.on(SyncCompleted)(partial(handlers.on_sync_completed, pool=pool, wake=wake))
    for event in (ScanCompleted, LicenseChanged):
        bus.on(event)(partial(handlers.on_seen, pool=pool))

"""The composition root of alerting: the one place that knows every part."""

from functools import partial
from typing import Final

from services.alerting import handlers
from services.alerting.schedule import look_again_and_again
from services.alerting.settings import Settings
from services.alerting.steps import Desk
from shared.events import (
    Event,
    LicenseChanged,
    PermissionChanged,
    ReleaseAvailable,
    RotationCompleted,
    RotationFailed,
    RotationPublished,
    RotationUpcoming,
    ScanCompleted,
    SecretExpiring,
    SyncCompleted,
    SyncConflict,
    SyncFailed,
    VaultScanned,
)
from shared.service import Service

WITHOUT_RULE: Final[tuple[type[Event], ...]] = (
    PermissionChanged,
    RotationUpcoming,
    RotationPublished,
    RotationCompleted,
    RotationFailed,
    SyncCompleted,
    SyncFailed,
    SyncConflict,
    LicenseChanged,
    ReleaseAvailable,
)


async def build(service: Service) -> None:
    """Join messages to handlers, and start looking."""
    desk = Desk(pool=service.pool, bus=service.bus, clock=service.clock)
    service.bus.on(SecretExpiring, workers=2)(partial(handlers.on_secret_expiring, desk=desk))
    service.bus.on(VaultScanned)(partial(handlers.on_vault_scanned, desk=desk))
    service.bus.on(ScanCompleted)(partial(handlers.on_scan_completed, desk=desk))
    for event in WITHOUT_RULE:
        service.bus.on(event)(partial(handlers.on_without_rule, desk=desk))
    seconds = _settings(service).look_seconds
    service.add_task("look again", partial(look_again_and_again, desk, seconds))


def _settings(service: Service) -> Settings:
    if isinstance(service.settings, Settings):
        return service.settings
    raise TypeError("Alerting is built with its own settings.")

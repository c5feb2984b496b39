"""The composition root of the rotator: the one place that knows every part."""

import time
from functools import partial
from typing import Final
from uuid import uuid4

from services.rotator import handlers
from services.rotator.adapters import Clouds, open_clouds
from services.rotator.schedule import JANITOR_SECONDS, Periodic, Workers
from services.rotator.settings import Settings
from services.rotator.steps.desk import Planner
from services.rotator.steps.hand import Hand
from services.rotator.steps.janitor import Janitor
from services.rotator.steps.turn import Parts
from services.rotator.store.copies import SyncedCopies
from services.rotator.store.ledger import PostgresLedger
from services.rotator.store.rounds import PostgresRounds
from shared.clouds import from_variables
from shared.crypto import derived_key
from shared.events import (
    CredentialChangeRequested,
    LicenseChanged,
    RotationChangeRequested,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationRequested,
    ScanCompleted,
    SecretExpiring,
    SyncCompleted,
)
from shared.service import Service

FINGERPRINTS: Final = "certifyclouds/rotator/fingerprints/1"


async def build(service: Service) -> None:
    """Join the clouds to the ports, messages to handlers, and start what runs by itself."""
    settings = _settings(service)
    clouds = await service.resources.enter_async_context(
        open_clouds(
            from_variables(settings),
            fingerprints=derived_key(settings.secret_key.get_secret_value(), purpose=FINGERPRINTS),
        )
    )
    owner = uuid4()
    parts = Parts(
        ledger=PostgresLedger(service.pool, service.bus, owner, settings.rates()),
        drivers=clouds.drivers,
        vault=clouds.vault,
        copies=SyncedCopies(service.pool),
        hand=Hand(time.monotonic),
    )
    workers = Workers(parts=parts)
    janitor = Janitor(
        rounds=PostgresRounds(service.pool, owner), drivers=clouds.drivers, vault=clouds.vault
    )
    _subscribe(service, clouds, workers)
    service.add_task("rotations", workers.run)
    service.add_task("janitor", Periodic(turn=janitor.turn, seconds=JANITOR_SECONDS).run)


def _subscribe(service: Service, clouds: Clouds, workers: Workers) -> None:
    """Join each message to its handler."""
    bus, pool, wake = service.bus, service.pool, workers.wake
    planner = Planner(pool=pool, drivers=clouds.drivers, vault=clouds.vault)
    bus.on(SecretExpiring)(partial(handlers.on_secret_expiring, pool=pool))
    bus.on(RotationRequested)(partial(handlers.on_rotation_requested, pool=pool, wake=wake))
    bus.on(RotationPlanRequested)(
        partial(handlers.on_rotation_plan_requested, pool=pool, planner=planner)
    )
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


def _settings(service: Service) -> Settings:
    if isinstance(service.settings, Settings):
        return service.settings
    raise TypeError("The rotator is built with its own settings.")

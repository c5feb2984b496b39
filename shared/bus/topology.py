"""Who hears what: every subscription of the product, in code, and the queues that follow from it.

A queue belongs to one service and one event: `<service>.<type>`. `certifyclouds migrate` makes them
before any service starts, so that what is published then is kept for a service that comes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from shared.bus import amqp
from shared.bus.servicebus import entities
from shared.bus.switching import switch
from shared.bus_url import RABBITMQ, SERVICE_BUS
from shared.errors import SettingsError
from shared.events import (
    AlertRaised,
    AlertResolved,
    CredentialChangeRequested,
    Event,
    LicenseChanged,
    LicenseRefreshRequested,
    PermissionChanged,
    PermissionCheckRequested,
    ReleaseAvailable,
    RotationChangeRequested,
    RotationCompleted,
    RotationFailed,
    RotationFreezeChangeRequested,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationPolicyChangeRequested,
    RotationPublished,
    RotationRequested,
    RotationStep,
    RotationSuggestionsRequested,
    RotationUpcoming,
    ScanCompleted,
    ScanDetailsRequested,
    ScanRequested,
    ScanScheduleRequested,
    ScanShardRequested,
    SecretExpiring,
    SubscriptionChangeRequested,
    SyncCompleted,
    SyncConflict,
    SyncFailed,
    SyncRequested,
    ThresholdChangeRequested,
    VaultScanned,
)

if TYPE_CHECKING:
    from shared.database import Connection

SUBSCRIPTIONS: Final[Mapping[str, tuple[type[Event], ...]]] = {
    "scanner": (
        ScanRequested,
        ScanScheduleRequested,
        ScanShardRequested,
        ScanDetailsRequested,
        RotationPublished,
        PermissionCheckRequested,
        ThresholdChangeRequested,
        SubscriptionChangeRequested,
    ),
    "rotator": (
        SecretExpiring,
        ScanCompleted,
        RotationRequested,
        RotationPlanRequested,
        RotationChangeRequested,
        RotationPauseRequested,
        CredentialChangeRequested,
        RotationPolicyChangeRequested,
        RotationFreezeChangeRequested,
        RotationSuggestionsRequested,
        SyncCompleted,
        LicenseChanged,
    ),
    "syncer": (VaultScanned, RotationPublished, SyncRequested, LicenseChanged),
    "alerting": (
        SecretExpiring,
        VaultScanned,
        ScanCompleted,
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
    ),
    "licensing": (LicenseRefreshRequested,),
    "gateway": (
        VaultScanned,
        ScanCompleted,
        SecretExpiring,
        PermissionChanged,
        RotationUpcoming,
        RotationStep,
        RotationPublished,
        RotationCompleted,
        RotationFailed,
        SyncCompleted,
        SyncFailed,
        SyncConflict,
        AlertRaised,
        AlertResolved,
        LicenseChanged,
        ReleaseAvailable,
    ),
}

PUBLICATIONS: Final[Mapping[str, tuple[type[Event], ...]]] = {
    "scanner": (
        ScanRequested,
        ScanShardRequested,
        ScanDetailsRequested,
        VaultScanned,
        ScanCompleted,
        SecretExpiring,
        PermissionChanged,
    ),
    "rotator": (
        RotationUpcoming,
        RotationStep,
        RotationPublished,
        RotationCompleted,
        RotationFailed,
    ),
    "syncer": (SyncCompleted, SyncFailed, SyncConflict),
    "alerting": (AlertRaised, AlertResolved),
    "licensing": (LicenseChanged, ReleaseAvailable),
    "gateway": (
        ScanRequested,
        ScanScheduleRequested,
        RotationRequested,
        RotationPlanRequested,
        RotationChangeRequested,
        RotationPauseRequested,
        CredentialChangeRequested,
        RotationPolicyChangeRequested,
        RotationFreezeChangeRequested,
        RotationSuggestionsRequested,
        SyncRequested,
        LicenseRefreshRequested,
        PermissionCheckRequested,
        ThresholdChangeRequested,
        SubscriptionChangeRequested,
    ),
}


def queue_name(service: str, event: type[Event]) -> str:
    """Return the queue in which `service` receives `event`."""
    return f"{service}.{event.type}"


def queues() -> dict[str, str]:
    """Return every queue and the event type that fills it."""
    return {
        queue_name(service, event): event.type
        for service, events in SUBSCRIPTIONS.items()
        for event in events
    }


def definitions(kind: str) -> dict[str, Any]:
    """Return the bus's shape as data: RabbitMQ's definitions, or Service Bus's entities.

    Raises `SettingsError` for a bus that has none.
    """
    if kind == RABBITMQ:
        return amqp.definitions(queues())
    if kind == SERVICE_BUS:
        return entities.definitions(queues())
    raise SettingsError(f"“{kind}” has no definitions; there are {RABBITMQ} and {SERVICE_BUS}.")


async def create(conn: Connection, bus_url: str, previous_url: str | None = None) -> None:
    """Make every queue on the bus that `bus_url` names, and move what waits on another one there.

    `conn` acts as the owner of the schema `bus`. Running it again changes nothing. Raises
    `SettingsError` when messages wait on a bus that `previous_url` does not name, or when services
    still consume from it.
    """
    await switch(conn, queues(), bus_url, previous_url)

"""The registry: every wire type and the class that reads it."""

from collections.abc import Mapping
from typing import Final

from shared.events import alerting, licensing, permissions, policies, rotation, scanning, syncing
from shared.events.base import Event

EVENTS: Final[Mapping[str, type[Event]]] = {
    event.type: event
    for event in (
        scanning.ScanRequested,
        scanning.ScanScheduleRequested,
        scanning.ScanShardRequested,
        scanning.ScanDetailsRequested,
        scanning.VaultScanned,
        scanning.ScanCompleted,
        scanning.SecretExpiring,
        permissions.PermissionCheckRequested,
        permissions.PermissionChanged,
        scanning.ThresholdChangeRequested,
        scanning.SubscriptionChangeRequested,
        rotation.RotationRequested,
        rotation.RotationPlanRequested,
        rotation.RotationChangeRequested,
        rotation.RotationPauseRequested,
        rotation.CredentialChangeRequested,
        policies.RotationPolicyChangeRequested,
        policies.RotationFreezeChangeRequested,
        policies.RotationSuggestionsRequested,
        policies.RotationUpcoming,
        rotation.RotationStep,
        rotation.RotationPublished,
        rotation.RotationCompleted,
        rotation.RotationFailed,
        syncing.SyncRequested,
        syncing.SyncCompleted,
        syncing.SyncFailed,
        syncing.SyncConflict,
        alerting.AlertRaised,
        alerting.AlertResolved,
        licensing.LicenseChanged,
        licensing.LicenseRefreshRequested,
        licensing.ReleaseAvailable,
    )
}


def event_class(wire_type: str) -> type[Event] | None:
    """Return the class for a wire type, or None for a type that this release does not know."""
    return EVENTS.get(wire_type)

"""Every event that crosses a service's border: facts in the past tense, and requests.

An event names things by reference and never carries a secret value.
"""

from shared.events.alerting import AlertRaised, AlertResolved
from shared.events.base import Event
from shared.events.catalog import EVENTS, event_class
from shared.events.items import CredentialRef, ItemKind
from shared.events.licensing import LicenseChanged, LicenseRefreshRequested, ReleaseAvailable
from shared.events.permissions import PermissionChanged, PermissionCheckRequested
from shared.events.policies import (
    RotationFreezeChangeRequested,
    RotationPolicyChangeRequested,
    RotationSuggestionsRequested,
    RotationUpcoming,
    RotationWindow,
)
from shared.events.rotation import (
    CredentialChangeRequested,
    RotationChangeRequested,
    RotationCompleted,
    RotationFailed,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationPublished,
    RotationRequested,
    RotationStep,
)
from shared.events.scanning import (
    ScanCompleted,
    ScanDetailsRequested,
    ScanRequested,
    ScanScheduleRequested,
    ScanShardRequested,
    SecretExpiring,
    SubscriptionChangeRequested,
    ThresholdChangeRequested,
    VaultScanned,
)
from shared.events.syncing import SyncCompleted, SyncConflict, SyncFailed, SyncRequested

__all__ = [
    "EVENTS",
    "AlertRaised",
    "AlertResolved",
    "CredentialChangeRequested",
    "CredentialRef",
    "Event",
    "ItemKind",
    "LicenseChanged",
    "LicenseRefreshRequested",
    "PermissionChanged",
    "PermissionCheckRequested",
    "ReleaseAvailable",
    "RotationChangeRequested",
    "RotationCompleted",
    "RotationFailed",
    "RotationFreezeChangeRequested",
    "RotationPauseRequested",
    "RotationPlanRequested",
    "RotationPolicyChangeRequested",
    "RotationPublished",
    "RotationRequested",
    "RotationStep",
    "RotationSuggestionsRequested",
    "RotationUpcoming",
    "RotationWindow",
    "ScanCompleted",
    "ScanDetailsRequested",
    "ScanRequested",
    "ScanScheduleRequested",
    "ScanShardRequested",
    "SecretExpiring",
    "SubscriptionChangeRequested",
    "SyncCompleted",
    "SyncConflict",
    "SyncFailed",
    "SyncRequested",
    "ThresholdChangeRequested",
    "VaultScanned",
    "event_class",
]

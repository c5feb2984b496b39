"""One example of every event; the golden file beside it holds what it is on the wire."""

from datetime import UTC, datetime
from uuid import UUID

from shared.events import (
    AlertRaised,
    AlertResolved,
    CredentialChangeRequested,
    CredentialRef,
    Event,
    ItemKind,
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
    RotationWindow,
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
from shared.events.alerting import Severity
from shared.events.licensing import LicenseState
from shared.events.permissions import Answer
from shared.events.rotation import PauseScope, RotationChange
from shared.events.scanning import ScanMode, ScanOutcome, ThresholdScope, VaultOutcome

SCAN = UUID("0b8f6f0e-6a53-4d0e-9c55-2d1f6f3f0a01")
ROTATION = UUID("3c1d2f4e-98a7-4b1c-8f0d-6f1f8a2b7c02")
MAPPING = UUID("7e5b1a9c-0d3f-4c62-a1b8-94d0c2e6f503")
SCHEDULE = UUID("5d0c2b7a-3e19-4f68-8a4b-7c9e1d2f3a05")
ALERT = UUID("9a4c7d2e-5b18-4f3a-b6c0-1e8d7f9a2b04")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 12, 0, 30, 250000, tzinfo=UTC)
PAYMENTS = "6f1c2b8a-1111-4c6e-9d2a-0a1b2c3d4e5f"

PASSWORD = CredentialRef(
    item_id=4711,
    kind=ItemKind.SECRET,
    name="db-password",
    container="kv-payments-prod",
    subscription_id=PAYMENTS,
)
APP = CredentialRef(
    item_id=4712, kind=ItemKind.APP_SECRET, name="ci pipeline", container="deploy-bot"
)

EXAMPLES: tuple[Event, ...] = (
    ScanRequested(
        scan_id=SCAN,
        mode=ScanMode.DELTA,
        subscription_ids=(PAYMENTS,),
        selector="vault:kv-pay-* -tag:skip=true",
        requested_by="ada",
    ),
    ScanScheduleRequested(
        schedule_id=SCHEDULE,
        revision=2,
        name="payments",
        cron="0 3 * * 1-5",
        time_zone="Europe/Berlin",
        mode=ScanMode.DELTA,
        subscription_ids=(PAYMENTS,),
        selector="vault:kv-pay-*",
        jitter_seconds=600,
        requested_by="ada",
    ),
    ScanShardRequested(scan_id=SCAN, shard_id=3),
    ScanDetailsRequested(scan_id=SCAN, shard_id=3),
    PermissionCheckRequested(requested_at=NOON, requested_by="ada"),
    PermissionChanged(
        check_id=SCAN,
        could_read_values=Answer.YES,
        before=Answer.NO,
        excess=2,
        missing=1,
        unknown=1,
    ),
    VaultScanned(
        scan_id=SCAN,
        vault_id=12,
        vault_name="kv-payments-prod",
        subscription_id=PAYMENTS,
        outcome=VaultOutcome.OK,
        previous_outcome=VaultOutcome.DENIED,
        items=140,
        added=2,
        changed=1,
        removed=0,
        first_change_id=1001,
        last_change_id=1003,
    ),
    ScanCompleted(
        scan_id=SCAN,
        outcome=ScanOutcome.PARTIAL,
        vaults=60,
        unreadable=2,
        items=4012,
        added=12,
        changed=3,
        removed=1,
        seconds=7.25,
        calls={"secrets": 160, "versions": 3000},
        details_pending=12,
    ),
    SecretExpiring(credential=PASSWORD, expires_on=LATER, threshold_days=7, status="critical"),
    SubscriptionChangeRequested(
        subscription_id="00000000-0000-4000-8000-000000000009", watched=False, requested_by="ada"
    ),
    ThresholdChangeRequested(
        scope=ThresholdScope.TAG,
        name="env=prod",
        warning_days=60,
        critical_days=14,
        requested_by="ada",
    ),
    RotationRequested(
        rotation_id=ROTATION,
        credential_id=MAPPING,
        credential=APP,
        requested_by="policy:apps",
        emergency=True,
    ),
    RotationPlanRequested(plan_id=ROTATION, credential_id=MAPPING, requested_by="ada"),
    RotationChangeRequested(
        rotation_id=ROTATION,
        change=RotationChange.APPROVE,
        requested_by="grace",
        plan_hash="0f" * 32,
    ),
    RotationPauseRequested(
        scope=PauseScope.EVERYTHING, paused=True, requested_by="ada", reason="A change freeze."
    ),
    CredentialChangeRequested(
        credential_id=MAPPING,
        item_id=7,
        place_ids=(11, 12),
        overlap_seconds=86_400,
        requested_by="ada",
    ),
    RotationPolicyChangeRequested(
        policy_id=MAPPING,
        name="passwords of production",
        selector="kind:app_secret sub:prod-*",
        priority=10,
        rotate_before_days=20,
        windows=(RotationWindow(opens="0 2 * * 6", time_zone="Europe/Berlin", lasts_minutes=240),),
        requires_approval=True,
        requested_by="ada",
    ),
    RotationFreezeChangeRequested(
        freeze_id=MAPPING,
        starts_at=NOON,
        ends_at=LATER,
        reason="The year's end.",
        requested_by="ada",
    ),
    RotationSuggestionsRequested(requested_by="ada"),
    RotationUpcoming(
        credential_id=MAPPING,
        credential=APP,
        policy="passwords of production",
        at=LATER,
        ends_at=LATER,
        timeliness="late",
        warning="No rotation is permitted before its end.",
    ),
    RotationStep(
        rotation_id=ROTATION,
        credential=APP,
        state="created",
        previous_state="creating",
        at=NOON,
    ),
    RotationPublished(
        rotation_id=ROTATION,
        credential=PASSWORD,
        version="9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        overlap_ends_at=LATER,
    ),
    RotationCompleted(rotation_id=ROTATION, credential=PASSWORD, completed_at=LATER),
    RotationFailed(
        rotation_id=ROTATION,
        credential=APP,
        state="verifying",
        reason="The new credential was refused; the old one works on. Look at the app's policy.",
    ),
    SyncRequested(mapping_id=MAPPING, requested_by="ada"),
    SyncCompleted(
        mapping_id=MAPPING,
        credential=PASSWORD,
        rotation_id=ROTATION,
        source_version="9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        completed_at=NOON,
    ),
    SyncFailed(
        mapping_id=MAPPING, credential=PASSWORD, reason="AWS denies it; grant PutSecretValue."
    ),
    SyncConflict(
        mapping_id=MAPPING,
        credential=PASSWORD,
        destination="arn:aws:secretsmanager:eu-central-1:123456789012:secret:pay/db",
    ),
    AlertRaised(
        alert_id=ALERT,
        alert_type="secret_expiring",
        severity=Severity.HIGH,
        title="db-password in kv-payments-prod expires in 2 days",
        credential=PASSWORD,
        raised_at=NOON,
    ),
    AlertResolved(alert_id=ALERT, resolved_at=LATER, evidence="A newer version is current."),
    LicenseChanged(state=LicenseState.VALID, features=("rotation", "sync"), valid_until=LATER),
    LicenseRefreshRequested(requested_by="ada"),
    ReleaseAvailable(version="1.4.2", security=True),
)

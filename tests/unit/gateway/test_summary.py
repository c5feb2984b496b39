"""Every event of the live stream has a sentence of its own."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.gateway.domain.summary import summarise
from shared import events as e
from shared.bus.topology import SUBSCRIPTIONS
from shared.events.alerting import Severity
from shared.events.licensing import LicenseState
from shared.events.permissions import Answer
from shared.events.scanning import ScanOutcome, VaultOutcome

AT = datetime(2026, 12, 1, tzinfo=UTC)
ID = UUID("0b5e3f58-9d0c-4a3f-8d0a-6f1f3f6c2a11")
REF = e.CredentialRef(item_id=7, kind=e.ItemKind.SECRET, name="db-password", container="kv-pay")
SCAN = e.ScanCompleted(
    scan_id=ID,
    outcome=ScanOutcome.PARTIAL,
    vaults=60,
    unreadable=2,
    items=4000,
    added=3,
    changed=0,
    removed=1,
    seconds=3.14,
)


def upcoming(timeliness: str, warning: str | None) -> e.RotationUpcoming:
    return e.RotationUpcoming(
        credential_id=ID,
        credential=REF,
        policy="passwords",
        at=AT,
        ends_at=AT,
        timeliness=timeliness,
        warning=warning,
    )


CASES: list[tuple[e.Event, str]] = [
    (upcoming("in_time", None), "kv-pay/db-password is rotated on 2026-12-01 by passwords"),
    (upcoming("late", "Open a window."), "kv-pay/db-password: Open a window."),
    (e.VaultScanned(scan_id=ID, vault_id=1, vault_name="kv-pay", outcome=VaultOutcome.OK, items=5),
     "kv-pay: 5 items"),
    (e.VaultScanned(scan_id=ID, vault_id=1, vault_name="kv-x", outcome=VaultOutcome.TIMED_OUT),
     "kv-x could not be read: timed out"),
    (SCAN, "Scan partial: 4000 items in 60 vaults, 2 could not be read (3 added, 1 removed), 3.1 s"),  # noqa: E501 - one case a line
    (e.SecretExpiring(credential=REF, expires_on=AT, threshold_days=7, status="critical"),
     "kv-pay/db-password expires on 2026-12-01"),
    (e.SecretExpiring(credential=REF, expires_on=AT, threshold_days=0, status="expired"),
     "kv-pay/db-password has expired"),
    (e.PermissionChanged(check_id=ID, could_read_values=Answer.YES, excess=1, missing=0, unknown=0),
     "The identity that discovers COULD READ VALUES: run certifyclouds doctor"),
    (e.PermissionChanged(check_id=ID, could_read_values=Answer.NO, excess=0, missing=2, unknown=0),
     "The identity that discovers could read no value; permissions missing: 2"),
    (e.PermissionChanged(check_id=ID, could_read_values=Answer.UNKNOWN, excess=0, missing=0,
                         unknown=1),
     "Whether the identity that discovers could read values cannot be told"),
    (e.RotationStep(rotation_id=ID, credential=REF, state="verified", previous_state="x", at=AT),
     "Rotation of kv-pay/db-password: verified"),
    (e.RotationPublished(rotation_id=ID, credential=REF, version="1", overlap_ends_at=AT),
     "kv-pay/db-password has a new version; the old one works on for a while"),
    (e.RotationCompleted(rotation_id=ID, credential=REF, completed_at=AT),
     "kv-pay/db-password is rotated; the old credential is gone"),
    (e.RotationFailed(rotation_id=ID, credential=REF, state="verify", reason="No."),
     "Rotation of kv-pay/db-password stopped: No."),
    (e.SyncCompleted(mapping_id=ID, credential=REF, source_version="1", completed_at=AT),
     "kv-pay/db-password is copied"),
    (e.SyncFailed(mapping_id=ID, credential=REF, reason="No."),
     "kv-pay/db-password could not be copied: No."),
    (e.SyncConflict(mapping_id=ID, credential=REF, destination="aws:x"),
     "kv-pay/db-password: somebody else wrote aws:x"),
    (e.AlertRaised(alert_id=ID, alert_type="secret_expiring", severity=Severity.HIGH, title="T",
                   raised_at=AT), "Alert (high): T"),
    (e.AlertResolved(alert_id=ID, resolved_at=AT, evidence="seen"), "Alert resolved: seen"),
    (e.LicenseChanged(state=LicenseState.GRACE), "The licence is now grace"),
    (e.ReleaseAvailable(version="1.2.3"), "Release 1.2.3 is available"),
    (e.ScanRequested(scan_id=ID, requested_by="ada"), "certifyclouds.scan.requested.v1"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "sentence"), CASES, ids=lambda case: str(case)[:30])
def test_an_event_is_said_in_a_sentence(event: e.Event, sentence: str) -> None:
    assert summarise(event) == sentence


def test_no_event_that_comes_here_is_named_by_its_type_only() -> None:
    told = {type(event) for event, sentence in CASES if sentence != event.type}

    assert set(SUBSCRIPTIONS["gateway"]) <= told

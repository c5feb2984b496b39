"""What the live stream says of an event: one sentence for a person, and the event itself."""

from typing import Final

from shared.events import (
    AlertRaised,
    AlertResolved,
    CredentialRef,
    Event,
    LicenseChanged,
    PermissionChanged,
    ReleaseAvailable,
    RotationCompleted,
    RotationFailed,
    RotationPublished,
    RotationStep,
    RotationUpcoming,
    ScanCompleted,
    SecretExpiring,
    SyncCompleted,
    SyncConflict,
    SyncFailed,
    VaultScanned,
)

_UNREADABLE: Final = "could not be read"


def summarise(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each event
    """Return one sentence; an event without one of its own is named by its type."""
    match event:
        case VaultScanned(outcome="ok"):
            return f"{event.vault_name}: {event.items} items{_difference(event)}"
        case VaultScanned():
            return f"{event.vault_name} {_UNREADABLE}: {event.outcome.replace('_', ' ')}"
        case ScanCompleted():
            return (
                f"Scan {event.outcome}: {event.items} items in {event.vaults} vaults,"
                f" {event.unreadable} {_UNREADABLE}{_difference(event)}, {event.seconds:.1f} s"
            )
        case SecretExpiring(threshold_days=0):
            return f"{_name(event.credential)} has expired"
        case SecretExpiring():
            return f"{_name(event.credential)} expires on {event.expires_on:%Y-%m-%d}"
        case PermissionChanged(could_read_values="yes"):
            return "The identity that discovers COULD READ VALUES: run certifyclouds doctor"
        case PermissionChanged(could_read_values="no"):
            missing = event.missing
            return (
                f"The identity that discovers could read no value; permissions missing: {missing}"
            )
        case PermissionChanged():
            return "Whether the identity that discovers could read values cannot be told"
        case RotationUpcoming(timeliness="in_time"):
            return f"{_name(event.credential)} is rotated on {event.at:%Y-%m-%d} by {event.policy}"
        case RotationUpcoming():
            return f"{_name(event.credential)}: {event.warning}"
        case RotationStep():
            return f"Rotation of {_name(event.credential)}: {event.state}"
        case RotationPublished():
            return f"{_name(event.credential)} has a new version; the old one works on for a while"
        case RotationCompleted():
            return f"{_name(event.credential)} is rotated; the old credential is gone"
        case RotationFailed():
            return f"Rotation of {_name(event.credential)} stopped: {event.reason}"
        case SyncCompleted():
            return f"{_name(event.credential)} is copied"
        case SyncFailed():
            return f"{_name(event.credential)} could not be copied: {event.reason}"
        case SyncConflict():
            return f"{_name(event.credential)}: somebody else wrote {event.destination}"
        case AlertRaised():
            return f"Alert ({event.severity}): {event.title}"
        case AlertResolved():
            return f"Alert resolved: {event.evidence}"
        case LicenseChanged():
            return f"The licence is now {event.state}"
        case ReleaseAvailable():
            return f"Release {event.version} is available"
        case _:
            return event.type


def _name(credential: CredentialRef) -> str:
    return f"{credential.container}/{credential.name}"


def _difference(event: VaultScanned | ScanCompleted) -> str:
    counts = {"added": event.added, "changed": event.changed, "removed": event.removed}
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    return f" ({', '.join(parts)})" if parts else ""

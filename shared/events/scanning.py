"""Discovery: a scan is asked for, split into shards, done vault by vault, and ends."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class ScanMode(StrEnum):
    """How much a scan reads again."""

    FULL = "full"
    DELTA = "delta"
    FORCE = "force"


class VaultOutcome(StrEnum):
    """What looking at one vault came to. Everything but `ok` means: we could not look."""

    OK = "ok"
    DENIED = "denied"
    FIREWALLED = "firewalled"
    THROTTLED = "throttled"
    NOT_FOUND = "not_found"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


class ScanOutcome(StrEnum):
    """How a scan ended. `partial`: some sources could not be read, and each says why."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


class ScanRequested(Event):
    """Somebody, or the schedule, wants the estate looked at."""

    type: ClassVar[str] = "certifyclouds.scan.requested.v1"

    scan_id: UUID
    mode: ScanMode = ScanMode.FULL
    subscription_ids: tuple[str, ...] = Field(
        default=(), description="Only these subscriptions; empty means all that can be read."
    )
    requested_by: str = Field(description="The user, API token or schedule that asked.")


class ScanShardRequested(Event):
    """One shard of a scan is to be done: a (subscription, region)'s vaults, or the directory.

    Sent by the scanner to itself. A shard that was lost goes on after its last finished vault.
    """

    type: ClassVar[str] = "certifyclouds.scan.shard-requested.v1"

    scan_id: UUID
    shard_id: int


class VaultScanned(Event):
    """One vault (or the tenant's Entra directory) was looked at in one scan."""

    type: ClassVar[str] = "certifyclouds.vault.scanned.v1"

    scan_id: UUID
    vault_id: int
    vault_name: str
    subscription_id: str | None = None
    outcome: VaultOutcome
    previous_outcome: VaultOutcome | None = Field(
        default=None,
        description="What the look before came to; none for the first. Where it differs from"
        " `outcome`, the vault became readable or unreadable, or is so for another reason.",
    )
    items: int = Field(default=0, description="How many live items the vault holds now.")
    added: int = 0
    changed: int = 0
    removed: int = 0
    first_change_id: int | None = Field(
        default=None,
        description="The change feed's range that this scan wrote; none if nothing changed.",
    )
    last_change_id: int | None = None


class ScanCompleted(Event):
    """Every shard of a scan has ended."""

    type: ClassVar[str] = "certifyclouds.scan.completed.v1"

    scan_id: UUID
    outcome: ScanOutcome
    vaults: int
    unreadable: int = Field(
        description="Vaults that could not be read. They are not empty: unknown."
    )
    items: int
    added: int
    changed: int
    removed: int
    seconds: float


class SecretExpiring(Event):
    """A credential came closer to its end than a threshold, or passed it.

    Published once for each crossed threshold of a logical credential, whatever its kind.
    """

    type: ClassVar[str] = "certifyclouds.secret.expiring.v1"

    credential: CredentialRef
    expires_on: AwareDatetime
    threshold_days: int = Field(
        description="The step of the ladder that was crossed; 0 is expired."
    )
    status: str = Field(description="The item's status at that moment (`critical`, `warning`, …).")

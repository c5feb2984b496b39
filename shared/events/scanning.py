"""Discovery: a scan is asked for, split into shards, done vault by vault, and ends."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event
from shared.events.items import CredentialRef


class ScanMode(StrEnum):
    """How much a scan reads again. Each lists all that is in scope: Key Vault has no change filter.

    `full` writes what differs; `delta` skips the details of what the listing shows unchanged;
    `force` takes nothing for unchanged and judges everything anew.
    """

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


class ThresholdScope(StrEnum):
    """What a rule on thresholds applies to, from the widest to the narrowest."""

    GLOBAL = "global"
    SUBSCRIPTION = "subscription"
    VAULT = "vault"
    TAG = "tag"
    ITEM = "item"


class ScanRequested(Event):
    """Somebody, or the schedule, wants the estate looked at."""

    type: ClassVar[str] = "certifyclouds.scan.requested.v1"

    scan_id: UUID
    mode: ScanMode = ScanMode.FULL
    subscription_ids: tuple[str, ...] = Field(
        default=(), description="Only these subscriptions; empty means all that can be read."
    )
    selector: str = Field(
        default="",
        description="Only the sources that this selector means; empty means all in scope.",
    )
    requested_by: str = Field(description="The user, API token or schedule that asked.")


class ScanScheduleRequested(Event):
    """Somebody wants a schedule of scans to be as given here, or to be gone.

    Published once for each change. A revision that is not above the one the scanner has is late.
    """

    type: ClassVar[str] = "certifyclouds.scan.schedule-requested.v1"

    schedule_id: UUID
    revision: int = Field(description="Counts the changes of this schedule.")
    removed: bool = False
    name: str
    cron: str = Field(description="Five fields: minute, hour, day, month, day of the week.")
    time_zone: str = Field(default="UTC", description="A name of the IANA time zone database.")
    mode: ScanMode = ScanMode.FULL
    subscription_ids: tuple[str, ...] = ()
    selector: str = ""
    jitter_seconds: int = Field(
        default=0, description="A scan begins up to so many seconds after its time."
    )
    enabled: bool = True
    requested_by: str = Field(description="The user or API token that asked.")


class ScanShardRequested(Event):
    """One shard of a scan is to be listed: a (subscription, region)'s vaults, or the directory.

    Sent by the scanner to itself. A shard that was lost goes on after its last finished vault.
    """

    type: ClassVar[str] = "certifyclouds.scan.shard-requested.v1"

    scan_id: UUID
    shard_id: int


class ScanDetailsRequested(Event):
    """What the listings of one shard of a scan do not tell is to be read now.

    Sent by the scanner to itself when every shard of the scan is listed, for each shard that has
    items whose details, or vaults whose diagnostic settings, are due.
    """

    type: ClassVar[str] = "certifyclouds.scan.details-requested.v1"

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
    calls: dict[str, int] = Field(
        default_factory=dict,
        description="Requests that were sent to the vaults, by kind, retries included.",
    )
    details_pending: int = Field(
        default=0, description="Items whose details were left over for the next scan."
    )


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


class SubscriptionChangeRequested(Event):
    """Somebody wants a subscription to be looked at by scans from now on, or left out.

    Of two requests for one subscription the one that was published later counts, whichever arrives
    first.
    """

    type: ClassVar[str] = "certifyclouds.subscription.change-requested.v1"

    subscription_id: str
    watched: bool
    requested_by: str = Field(description="The user or API token that asked.")


class ThresholdChangeRequested(Event):
    """Somebody wants other thresholds for a scope, or (all of them null) what wider scopes say.

    The rule is replaced as a whole. Of two requests for one scope the one that was published later
    counts, whichever arrives first.
    """

    type: ClassVar[str] = "certifyclouds.threshold.change-requested.v1"

    scope: ThresholdScope
    name: str = Field(
        default="",
        description="The subscription's id, the vault's or item's id in the inventory, or"
        " `key=text` of a tag; empty for the global scope.",
    )
    warning_days: int | None = None
    critical_days: int | None = None
    warning_percent: int | None = Field(
        default=None, description="Of the lifetime that is left; for short-lived certificates."
    )
    critical_percent: int | None = None
    requested_by: str = Field(description="The user or API token that asked.")

"""What a scan came to, from what looking at each of its sources came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.scanner.domain.remedy import Assignee
from shared.events.scanning import ScanOutcome

NO_SUBSCRIPTION: Final = (
    "No subscription can be seen, so no vault was looked for: give the scanner's identity the role"
    " Reader on a subscription or on a management group above it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The sums over a scan's sources: `vaults` counts them, `unreadable` those left unknown."""

    vaults: int = 0
    unreadable: int = 0
    items: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A scan's outcome; `error` is the sentence that goes with anything but `complete`."""

    outcome: ScanOutcome
    error: str | None


def conclude(tally: Tally, notes: Sequence[str] = ()) -> Conclusion:
    """Conclude a scan. `notes` are sentences on what could not even be listed."""
    sentences = list(notes)
    if tally.unreadable:
        sentences.append(
            f"{tally.unreadable} of {tally.vaults} sources could not be read: they are unknown,"
            " not empty, and each says why."
        )
    error = " ".join(sentences) or None
    if error is None:
        return Conclusion(ScanOutcome.COMPLETE, None)
    nothing_read = tally.unreadable == tally.vaults
    return Conclusion(ScanOutcome.FAILED if nothing_read else ScanOutcome.PARTIAL, error)


def unseen_subscription(subscription_id: str, assignee: Assignee) -> str:
    """Return the sentence for a subscription that was asked for and cannot be seen."""
    return (
        f"Subscription {subscription_id} was asked for and cannot be seen: check the id, or give"
        f" the scanner's identity the role Reader: az role assignment create --assignee"
        f' "{assignee.client_id}" --role "Reader" --scope "/subscriptions/{subscription_id}".'
    )


def unlisted_subscription(subscription_id: str, reason: str, advice: str) -> str:
    """Return the sentence for a subscription whose vaults could not be listed."""
    return (
        f"The vaults of subscription {subscription_id} could not be listed, so new ones there are"
        f" not known and those known stay as they are. {reason} {advice}"
    ).strip()
